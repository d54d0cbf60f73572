"""From a plan to a final status: plan_run, finalize_run, route_alerts."""

import json
from collections.abc import Callable

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.alerts import LONGEST_LINE, Alert
from headgate.domain.events import RunFinished
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, RunStatus
from headgate.errors import PlanError, SelectionError, UnavailableError
from headgate.usecases.route_alerts import Delivery, route_alerts
from headgate.usecases.run_nodes import Idle, Over, QueueSession
from tests.whole_runs import finalizer, plan

Status = Callable[[str], str]


def begin(world: MemoryWorld, job: str = "finance") -> int:
    run, _ = world.runs.create_run(world.jobs.job(job), world.jobs.bundle_of("production"), Cause("cli", "k"))
    world.runs.take_slot(run)
    return run.run_id


def build(world: MemoryWorld, run_id: int, step: int = 1, status: Status = lambda _: "success") -> None:
    """What runners would do, with this status for each node that is not skipped."""
    session = QueueSession(world.queue, world.clock, world.plans.get_plan(run_id, step), 1)
    session.begin()
    while not isinstance(claim := session.next(), Over):
        assert not isinstance(claim, Idle)
        own = claim.unique_id.startswith("step.")
        entry = {
            "unique_id": claim.unique_id,
            "status": "skipped" if claim.skip else status(claim.unique_id),
            "message": 'Database Error in model left (models/left.sql)\n  column "x" does not exist',
            "execution_time": 0.5,
        }
        session.finish(claim.unique_id, None if own else NodeResult.from_entry(entry, 1))
        if claim.unique_id == CLOSING:
            session.end()


def left_fails(unique_id: str) -> str:
    return "error" if unique_id == "model.shop.left" else "success"


def test_a_step_is_planned_once_and_read_back_after(world: MemoryWorld) -> None:
    run_id = begin(world)
    first = plan(world, run_id=run_id)
    assert first.to_state()["build"] is True
    build(world, run_id)
    assert plan(world, run_id=run_id).plan == first.plan
    assert len(world.queue.results(run_id, 1)) == 4


def test_a_selection_that_matches_nothing_builds_nothing_and_succeeds(world: MemoryWorld) -> None:
    run_id = begin(world)
    world.runs._runs[run_id] = world.runs.get_run(run_id).with_status(
        RunStatus.STARTING, steps=("dbt build --select tag:nothing",)
    )
    state = plan(world, run_id=run_id).to_state()
    assert (state["build"], state["runners"]) == (False, [])
    assert finalizer(world)(run_id, 1).status is RunStatus.SUCCESS


def test_nothing_published_says_what_to_publish(world: MemoryWorld) -> None:
    run, _ = world.runs.create_run(world.jobs.job("finance"), "", Cause("cli", "k"))
    with pytest.raises(PlanError, match="headgate publish --environment production"):
        plan(world, run_id=run.run_id)


def test_vars_that_were_not_parsed_say_so(world: MemoryWorld) -> None:
    run_id = begin(world)
    world.runs._runs[run_id] = world.runs.get_run(run_id).with_status(
        RunStatus.STARTING, steps=("dbt build --vars '{\"day\": 1}'",)
    )
    with pytest.raises(PlanError, match=r'--vars \{"day": 1\}.*publish'):
        plan(world, run_id=run_id)


def test_a_bad_selection_is_refused_by_name(world: MemoryWorld) -> None:
    run_id = begin(world)
    world.runs._runs[run_id] = world.runs.get_run(run_id).with_status(
        RunStatus.STARTING, steps=("dbt build --select tagg:finance",)
    )
    with pytest.raises(SelectionError, match="tag"):
        plan(world, run_id=run_id)


def test_a_green_run_ends_in_success_with_its_artifact(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id)
    assert finalizer(world)(run_id, 1).to_state() == {
        "run_id": run_id,
        "step": 1,
        "status": "success",
        "next_step": None,
    }
    run = world.runs.get_run(run_id)
    assert (run.status, run.counts, run.error) == (RunStatus.SUCCESS, {"success": 4}, None)
    merged = json.loads(world.artifacts.get(run_id, 1, "run_results.json"))
    assert len(merged["results"]) == 4
    assert merged["args"]["which"] == "build"
    assert world.history.predictions("production", ["model.shop.raw as table"]) == {
        "model.shop.raw as table": pytest.approx(0.5)
    }
    assert world.alerts.published == []


def test_a_red_run_says_what_failed_and_tells_the_owner_once(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id, status=left_fails)
    finalizer(world)(run_id, 1)
    run = world.runs.get_run(run_id)
    assert run.status is RunStatus.ERROR
    assert run.counts == {"success": 2, "error": 1, "skipped": 1}
    assert run.error is not None
    assert 'column "x" does not exist' in run.error
    [alert] = world.alerts.published
    assert (alert.node, alert.severity, alert.skipped) == ("model.shop.left", "error", 1)
    assert (alert.owner, alert.tags, alert.path) == (
        "finance-data@example.com",
        ("finance",),
        "models/left.sql",
    )
    assert alert.url == f"http://127.0.0.1:8080/runs/{run_id}"


def test_finalizing_twice_ends_once(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id)
    finalize = finalizer(world)
    ended = world.runs.get_run(finalize(run_id, 1).run_id)
    world.clock.advance(100)
    finalize(run_id, 1, "a fault that came too late", cancelled=True)
    assert world.runs.get_run(run_id) == ended


@pytest.mark.parametrize(
    "port", ["artifacts.put", "history.learn", "alerts.publish", "runs.move", "bus.publish"]
)
def test_dying_before_any_write_and_coming_again_ends_right(world: MemoryWorld, port: str) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id, status=left_fails)
    owner, method = getattr(world, port.split(".")[0]), port.split(".")[1]
    kept = getattr(owner, method)
    setattr(owner, method, _unavailable)
    with pytest.raises(UnavailableError):
        finalizer(world)(run_id, 1)
    setattr(owner, method, kept)
    assert finalizer(world)(run_id, 1).status is RunStatus.ERROR
    assert world.runs.get_run(run_id).status is RunStatus.ERROR
    assert {alert.alert_id for alert in world.alerts.published} == {world.alerts.published[0].alert_id}
    assert isinstance(world.bus.published[-1], RunFinished)


@pytest.mark.parametrize("port", ["artifacts.put", "history.learn", "alerts.publish"])
def test_whoever_comes_last_ends_the_run_whatever_hinders_its_alerts(world: MemoryWorld, port: str) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id, status=left_fails)
    setattr(getattr(world, port.split(".")[0]), port.split(".")[1], _unavailable)
    with pytest.raises(UnavailableError):
        finalizer(world)(run_id, 1, "the execution ended as FAILED", last=True)
    assert world.runs.get_run(run_id).error == "the execution ended as FAILED"
    following, _ = world.runs.create_run(world.jobs.job("finance"), "d" * 64, Cause("cli", "next"))
    assert world.runs.take_slot(following)


def test_an_artifact_that_nobody_can_read_does_not_keep_a_run_from_ending(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id)
    world.artifacts.put(run_id, 1, "invocation.json", b"{cut sho")
    with pytest.raises(ValueError, match="Expecting"):
        finalizer(world).after_execution(run_id, "FAILED", "")
    assert world.runs.get_run(run_id).status is RunStatus.ERROR


def test_a_second_step_follows_a_good_first_one(world: MemoryWorld) -> None:
    run_id = begin(world, "two_steps")
    plan(world, run_id=run_id)
    build(world, run_id)
    finalize = finalizer(world)
    assert finalize(run_id, 1).next_step == 2
    plan(world, 2, run_id)
    build(world, run_id, 2)
    assert finalize.current_step(run_id) == 2
    assert finalize(run_id, 2).next_step is None
    assert world.runs.get_run(run_id).counts == {"success": 2}


def test_a_failed_step_stops_the_later_ones(world: MemoryWorld) -> None:
    run_id = begin(world, "two_steps")
    plan(world, run_id=run_id)
    build(world, run_id, status=lambda _: "error")
    assert finalizer(world)(run_id, 1).next_step is None
    assert world.runs.get_run(run_id).status is RunStatus.ERROR


def test_a_plan_that_failed_ends_the_run_and_tells_somebody(world: MemoryWorld) -> None:
    run_id = begin(world)
    finalizer(world)(run_id, 1, "PlanError: nothing is published")
    assert world.runs.get_run(run_id).error == "PlanError: nothing is published"
    assert [alert.node for alert in world.alerts.published] == ["job.finance"]


def test_a_halted_step_ends_with_dbts_own_message(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    world.queue.halt(run_id, 1, "Database Error: connection refused")
    finalizer(world)(run_id, 1)
    assert world.runs.get_run(run_id).error == "Database Error: connection refused"


def test_nodes_that_never_ended_are_named_with_the_runner_that_was_lost(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    epoch = world.queue.take_lease(run_id, 1, 1, world.clock.now() + 60)
    world.queue.end_lease(run_id, 1, 1, epoch, "exit code 137")
    finalizer(world)(run_id, 1)
    error = world.runs.get_run(run_id).error or ""
    assert "never finished" in error
    assert "runner 1: exit code 137" in error


@pytest.mark.parametrize("cancelled", [True, False])
def test_a_runner_that_outlived_its_run_gets_nothing_more(world: MemoryWorld, cancelled: bool) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    session = QueueSession(world.queue, world.clock, world.plans.get_plan(run_id, 1), 1)
    session.begin()
    finalizer(world)(run_id, 1, None if cancelled else "States.Timeout: took too long", cancelled=cancelled)
    assert isinstance(session.next(), Over)


def test_a_bundle_whose_index_is_gone_does_not_keep_the_run_from_ending(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    build(world, run_id, status=left_fails)
    world.bundles._files.clear()
    assert finalizer(world)(run_id, 1).status is RunStatus.ERROR
    assert [(alert.node, alert.owner) for alert in world.alerts.published] == [("model.shop.left", "")]


def test_a_message_of_one_endless_line_is_cut_for_record_and_alert(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    session = QueueSession(world.queue, world.clock, world.plans.get_plan(run_id, 1), 1)
    session.begin()
    session.finish(opening := session.next().unique_id, None)  # type: ignore[union-attr]
    assert opening == OPENING
    entry = {"unique_id": "model.shop.raw", "status": "error", "message": "x" * 500_000}
    session.next()
    session.finish("model.shop.raw", NodeResult.from_entry(entry, 1))
    finalizer(world)(run_id, 1)
    assert len(world.runs.get_run(run_id).error or "") < 2_000
    assert len(world.alerts.published[0].error) == LONGEST_LINE


def test_an_opening_that_failed_is_no_node_of_dbts_results(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    session = QueueSession(world.queue, world.clock, world.plans.get_plan(run_id, 1), 1)
    session.begin()
    hook = {"unique_id": "operation.shop.start", "status": "error", "message": "no such table"}
    skipped = {"unique_id": OPENING, "status": "skipped", "message": "on-run-start failed"}
    session.next()
    session.finish(OPENING, NodeResult.from_entry(skipped, 1), [NodeResult.from_entry(hook, 1)])
    finalizer(world)(run_id, 1)
    merged = json.loads(world.artifacts.get(run_id, 1, "run_results.json"))
    assert [entry["unique_id"] for entry in merged["results"]] == ["operation.shop.start"]
    assert world.runs.get_run(run_id).counts == {"error": 1}


def test_a_stopped_execution_ends_the_run_as_cancelled(world: MemoryWorld) -> None:
    run_id = begin(world)
    plan(world, run_id=run_id)
    finalizer(world)(run_id, 1, cancelled=True)
    assert world.runs.get_run(run_id).status is RunStatus.CANCELLED
    assert world.alerts.published == []


ALERT = Alert(1, "finance", "production", "model.shop.left", "error", "error", "boom", "u", tags=("finance",))


def test_an_alert_goes_to_each_address_of_its_rules_once(world: MemoryWorld) -> None:
    sent: list[Delivery] = []
    rules = [*world.jobs.alert_rules(), *world.jobs.alert_rules()]
    route_alerts(ALERT, rules=rules, deliver=sent.append)
    assert [delivery.address for delivery in sent] == ["#finance-data"]


@pytest.mark.parametrize("change", [{"tags": ()}, {"severity": "warn"}])
def test_an_alert_that_no_rule_matches_goes_nowhere(world: MemoryWorld, change: dict[str, object]) -> None:
    other = Alert.from_message({**ALERT.to_message(), **change})
    assert route_alerts(other, rules=world.jobs.alert_rules(), deliver=lambda _: pytest.fail("sent")) == []


def test_one_dead_channel_does_not_silence_the_others(world: MemoryWorld) -> None:
    sent: list[str] = []

    def deliver(delivery: Delivery) -> None:
        sent.append(delivery.address)
        if delivery.address == "#finance-data":
            raise UnavailableError("Slack is down")

    from headgate.domain.job import AlertRule

    rules = [*world.jobs.alert_rules(), AlertRule({}, (("slack", "#all"),))]
    with pytest.raises(UnavailableError):
        route_alerts(ALERT, rules=rules, deliver=deliver)
    assert sent == ["#finance-data", "#all"]


def _unavailable(*_: object, **__: object) -> None:
    raise UnavailableError("not now")
