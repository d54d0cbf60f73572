"""EventBus, StateMachine, Scheduler, Secrets and AlertTopic: what goes out, what comes in, what is wrong."""

import json
from dataclasses import replace
from typing import Any

import boto3
import pytest

from headgate.adapters.aws.eventbridge_scheduler import schedule_name
from headgate.domain.alerts import Alert
from headgate.domain.events import ConnectorSynced, RunFinished, RunQueued
from headgate.domain.execution import Execution
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.schedule import Schedule
from headgate.errors import InputError, NotFoundError, UnavailableError
from tests.contract.conftest import MotoStage, Stage

RUN = Run(12, "finance", "production", "d", (), Cause("cli", "k"), RunStatus.STARTING, "2026-01-01")
NIGHTLY = Job("nightly", "production", (), schedules=(Schedule("0 6 * * 1-5", "Europe/Berlin"),))
HOURLY = Job("hourly", "production", (), schedules=(Schedule("5 * * * *"),))
UNSCHEDULED = Job("by_hand", "production", ())


def test_published_events_arrive_with_their_type_and_content(stage: Stage) -> None:
    synced = ConnectorSynced(event_id="e", provider="fivetran", origin="default", connector_id="größe")
    stage.world.bus.publish(synced, RunFinished(run_id=1, job="j", environment="p", status="error"))
    assert sorted(stage.published(), key=str) == [
        ("ConnectorSynced", synced.model_dump()),
        ("RunFinished", {"run_id": 1, "job": "j", "environment": "p", "status": "error"}),
    ]


def test_any_number_of_events_is_published(stage: Stage) -> None:
    stage.world.bus.publish()
    assert stage.published() == []
    stage.world.bus.publish(*(RunQueued(run_id=number, job="j") for number in range(25)))
    assert sorted(detail["run_id"] for _, detail in stage.published()) == list(range(25))


def test_an_event_the_bus_did_not_take_is_told(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    refused = {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]}
    monkeypatch.setattr(moto.world.bus._client, "put_events", lambda **_: refused)
    with pytest.raises(UnavailableError, match=r"1 events.*Throttling"):
        moto.world.bus.publish(RunQueued(run_id=1, job="j"))


def test_a_run_is_started_once_under_its_name(stage: Stage) -> None:
    arn = stage.world.machine.start(RUN)
    assert arn.endswith(":run-12")
    assert stage.world.machine.start(RUN) == arn
    assert stage.executions() == {"run-12": "RUNNING"}


def test_a_run_that_was_stopped_cannot_start_again(stage: Stage) -> None:
    arn = stage.world.machine.start(RUN)
    stage.world.machine.stop(RUN, "cancelled by ana")
    assert stage.world.machine.start(RUN) == arn
    assert stage.executions() == {"run-12": "ABORTED"}


def test_stopping_what_was_never_started_or_has_ended_changes_nothing(stage: Stage) -> None:
    machine = stage.world.machine
    machine.start(RUN)
    assert not machine.stop(replace(RUN, run_id=13), "never started")
    assert machine.stop(RUN, "first")
    assert machine.stop(RUN, "second")
    assert stage.executions() == {"run-12": "ABORTED"}


def test_an_execution_says_how_it_is(stage: Stage) -> None:
    machine = stage.world.machine
    assert machine.status(RUN) is None
    machine.start(RUN)
    running = machine.status(RUN)
    assert (running.status, running.is_over) == ("RUNNING", False)
    machine.stop(RUN, "cancelled by ana")
    stopped = machine.status(RUN)
    assert (stopped.status, stopped.is_over) == ("ABORTED", True)


def test_an_execution_that_ended_badly_says_why(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    described = {"status": "FAILED", "error": "States.Runtime", "cause": "no such state"}
    monkeypatch.setattr(moto.world.machine._client, "describe_execution", lambda **_: described)
    assert moto.world.machine.status(RUN) == Execution("FAILED", "States.Runtime", "no such state")


@pytest.mark.parametrize("first_step", [1, 3])
def test_the_execution_gets_the_run_and_its_first_step(moto: MotoStage, first_step: int) -> None:
    arn = moto.world.machine.start(replace(RUN, first_step=first_step))
    described = boto3.client("stepfunctions").describe_execution(executionArn=arn)
    assert json.loads(described["input"]) == {"run_id": 12, "step": first_step}


def test_schedules_follow_the_jobs_of_their_file(stage: Stage) -> None:
    scheduler = stage.world.scheduler
    scheduler.sync([NIGHTLY, HOURLY, UNSCHEDULED], "headgate.yml")
    scheduler.sync([replace(HOURLY, name="theirs")], "other.yml")
    assert scheduler.names("headgate.yml") == ["hourly", "nightly"]
    scheduler.sync([NIGHTLY, UNSCHEDULED], "headgate.yml")
    assert scheduler.names("headgate.yml") == ["nightly"]
    assert scheduler.names("other.yml") == ["theirs"]
    scheduler.sync([], "headgate.yml")
    assert scheduler.names("headgate.yml") == []
    assert scheduler.names("nobody.yml") == []


def schedule(name: str) -> dict[str, Any]:
    found: Any = boto3.client("scheduler").get_schedule(GroupName="headgate-schedules", Name=name)
    return dict(found)


def test_a_schedule_says_when_whom_and_what(moto: MotoStage) -> None:
    moto.world.scheduler.sync([NIGHTLY], "headgate.yml")
    found = schedule("nightly")
    assert found["ScheduleExpression"] == "cron(0 6 ? * MON-FRI *)"
    assert found["ScheduleExpressionTimezone"] == "Europe/Berlin"
    assert found["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert found["Target"]["Arn"] == moto.world.settings.schedule_target_arn
    assert found["Target"]["RoleArn"] == moto.world.settings.schedule_role_arn
    assert json.loads(found["Target"]["Input"]) == {
        "source": "headgate",
        "detail-type": "ScheduleFired",
        "detail": {"job": "nightly", "scheduled_time": "<aws.scheduler.scheduled-time>"},
    }


def test_a_changed_schedule_is_updated_and_an_equal_one_left_alone(
    moto: MotoStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    scheduler = moto.world.scheduler
    scheduler.sync([NIGHTLY, HOURLY], "headgate.yml")
    updated: list[str] = []
    update = scheduler._client.update_schedule
    monkeypatch.setattr(
        scheduler._client, "update_schedule", lambda **it: updated.append(it["Name"]) or update(**it)
    )
    scheduler.sync([NIGHTLY, replace(HOURLY, schedules=(Schedule("7 * * * *", "UTC"),))], "headgate.yml")
    assert updated == ["hourly"]
    assert schedule("hourly")["ScheduleExpression"] == "cron(7 * * * ? *)"


def test_a_job_that_moved_to_another_file_takes_its_schedule_along(moto: MotoStage) -> None:
    moto.world.scheduler.sync([NIGHTLY], "old.yml")
    moto.world.scheduler.sync([NIGHTLY], "new.yml")
    assert moto.world.scheduler.names("old.yml") == []
    assert moto.world.scheduler.names("new.yml") == ["nightly"]


def test_every_name_of_a_job_makes_a_legal_name_of_its_own() -> None:
    assert schedule_name("load_core.v2-a") == "load_core.v2-a"
    odd = ["täglich", "taglich", "t-glich", "a b", "a-b", "x" * 64, "x" * 65, "x" * 66, "x" * 64 + " "]
    names = [schedule_name(name) for name in odd]
    assert len(set(names)) == len(odd)
    assert all(0 < len(name) <= 64 and name.isascii() and " " not in name for name in names)


def test_a_secret_is_a_json_object(stage: Stage) -> None:
    stage.set_secret("webhooks/fivetran/default", {"secret": "s3cret"})
    assert stage.world.secrets.get("webhooks/fivetran/default") == {"secret": "s3cret"}
    with pytest.raises(NotFoundError, match="slack"):
        stage.world.secrets.get("slack")


def test_a_secret_that_came_late_is_found(stage: Stage) -> None:
    with pytest.raises(NotFoundError):
        stage.world.secrets.get("slack")
    stage.set_secret("slack", {"#all": "https://example.com"})
    stage.clock.advance(1)
    assert stage.world.secrets.get("slack") == {"#all": "https://example.com"}


def test_a_changed_secret_is_seen_within_five_minutes(stage: Stage) -> None:
    stage.set_secret("api-token", {"token": "old"})
    stage.world.secrets.get("api-token")
    stage.set_secret("api-token", {"token": "new"})
    stage.clock.advance(300)
    assert stage.world.secrets.get("api-token") == {"token": "new"}


def test_a_secret_that_is_put_is_made_and_then_replaced(stage: Stage) -> None:
    for values in ({"secret": "first", "since": "2026-01-01"}, {"secret": "second"}):
        stage.world.secrets.put("webhooks/github/default", values)
        assert stage.world.secrets.get("webhooks/github/default") == values


def test_secrets_are_listed_by_the_beginning_of_their_names(stage: Stage) -> None:
    for name in ("webhooks/github/b", "webhooks/fivetran/a", "webhook", "slack", "x/webhooks/github/c"):
        stage.set_secret(name, {"secret": "s"})
    assert stage.world.secrets.names("webhooks/") == ["webhooks/fivetran/a", "webhooks/github/b"]
    assert stage.world.secrets.names("never") == []


def test_a_fresh_secret_is_a_second_old_at_most(stage: Stage) -> None:
    stage.set_secret("webhooks/github/a", {"secret": "old"})
    stage.world.secrets.get("webhooks/github/a")
    stage.set_secret("webhooks/github/a", {"secret": "new"})
    stage.clock.advance(1)
    assert stage.world.secrets.get("webhooks/github/a", fresh=True) == {"secret": "new"}
    assert stage.world.secrets.get("webhooks/github/a") == {"secret": "new"}, "whoever asks next profits"


def test_asking_for_fresh_ones_reads_once_a_second(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    moto.set_secret("webhooks/github/a", {"secret": "s"})
    client, reads = moto.world.secrets._client, []
    read = client.get_secret_value
    monkeypatch.setattr(client, "get_secret_value", lambda **asked: (reads.append(asked), read(**asked))[1])
    for _ in range(3):
        for _ in range(100):
            moto.world.secrets.get("webhooks/github/a", fresh=True)
            with pytest.raises(NotFoundError):
                moto.world.secrets.get("webhooks/github/stranger")
        moto.clock.advance(1)
    assert len(reads) == 6


def test_names_that_strangers_make_up_take_little_memory(moto: MotoStage) -> None:
    for number in range(600):
        with pytest.raises(NotFoundError):
            moto.world.secrets.get(f"webhooks/github/{number}")
    assert len(moto.world.secrets._missing) <= 256


def test_a_secret_is_not_read_each_time(moto: MotoStage) -> None:
    moto.set_secret("api-token", {"token": "old"})
    moto.world.secrets.get("api-token")
    moto.set_secret("api-token", {"token": "new"})
    moto.clock.advance(299)
    assert moto.world.secrets.get("api-token") == {"token": "old"}


def test_values_that_are_not_text_become_text(moto: MotoStage) -> None:
    moto.set_secret_text("warehouse/prod", '{"port": 5432, "ssl": true, "password": "1"}')
    assert moto.world.secrets.get("warehouse/prod") == {"port": "5432", "ssl": "true", "password": "1"}


@pytest.mark.parametrize("text", ["hunter2", '["hunter2"]', '"hunter2"', "{hunter2"])
def test_a_secret_of_another_shape_is_refused_without_showing_it(moto: MotoStage, text: str) -> None:
    moto.set_secret_text("slack", text)
    with pytest.raises(InputError, match="stack/slack must be a JSON object") as caught:
        moto.world.secrets.get("slack")
    assert "hunter2" not in str(caught.value)


def test_an_alert_reaches_the_topics_subscribers_whole(stage: Stage) -> None:
    alert = Alert(
        run_id=12,
        job="finance",
        environment="production",
        node="model.shop.orders",
        status="error",
        severity="error",
        error='relation "x" does not exist: größe',
        url="http://127.0.0.1:8080/runs/12",
        tags=("finance", "daily"),
        skipped=3,
    )
    stage.world.alerts.publish(alert)
    (message,) = stage.alerts()
    assert Alert.from_message(message) == alert
    assert message["alert_id"] == alert.alert_id
