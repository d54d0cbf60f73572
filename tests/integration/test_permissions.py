"""The policies of template.yaml against what the code does: each call is allowed, and no grant is left unused.

The verbs run on moto's services from the first webhook to the last alert; the runner's calls are those that its code
makes of its ports. moto does not judge them, tests/template/iam.py does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.batch.exceptions import BatchProcessingError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID as ACCOUNT_ID
from moto.stepfunctions.models import stepfunctions_backends

from functions.dispatch_runs.app import handler as dispatch_runs
from functions.finalize_run.app import handler as finalize_run
from functions.match_triggers.app import handler as match_triggers
from functions.plan_run.app import handler as plan_run
from functions.reap_runs.app import handler as reap_runs
from functions.receive_webhook.app import handler as receive_webhook
from functions.route_alerts.app import handler as route_alerts
from functions.serve_api.app import handler as serve_api
from functions.serve_console.app import handler as serve_console
from headgate import bootstrap
from headgate.adapters.system_clock import SystemClock
from headgate.adapters.webhooks.fivetran import sign
from headgate.domain.build_state import BuildState
from headgate.domain.gate import Awaited, Gate
from headgate.domain.index import Index, Node
from headgate.domain.job import AlertRule, Environment, Job, JobsFile, ReusePolicy
from headgate.domain.plan import CLOSING, OPENING, WAREHOUSE
from headgate.domain.queue import Claim
from headgate.domain.receiver import Receiver
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, RunStatus
from headgate.domain.schedule import Schedule
from headgate.domain.signature import Signature
from headgate.domain.slots import Holder
from headgate.errors import PlanError
from headgate.usecases.run_nodes import SWEEP_SECONDS, Idle, Over, QueueSession
from tests.builders import fivetran_gate
from tests.integration.api_calls import ACCOUNT, BUCKET, BUS, CLUSTER, TABLE, Recorder, Use, listen
from tests.template.cloudformation import Template, table_definition
from tests.template.iam import allows, role_statements

REGION = "eu-central-1"
INSTANT = "2026-01-31T06:00:00.000000Z"
SMALL, LARGE = "a" * 64, "b" * 64
COMPARED = "dbt build --select state:new result:error source_status:fresher --state production"
CONTEXT = SimpleNamespace(
    function_name="test",
    memory_limit_in_mb=512,
    invoked_function_arn="arn",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 30_000,
)
JOBS = JobsFile(
    environments=(
        Environment(
            "production",
            "prod",
            "analytics",
            secrets={"PASSWORD": "warehouse/shop#password"},
            concurrency=8,
        ),
    ),
    jobs=(
        Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe"),)),
        Job("nothing", "production", ("dbt build --select tag:none",)),
        Job("freshness", "production", ("dbt source freshness",)),
        Job("compared", "production", (COMPARED,), reuse=ReusePolicy(unchanged=True)),
    ),
    alerts=(AlertRule({}, (("slack", "#finance-data"),)),),
    receivers=(Receiver("hightouch"),),
)
# Granted, and used by Lambda, ECS or Step Functions themselves rather than by our code.
BY_AWS = {"logs:CreateLogStream", "logs:PutLogEvents"}
ON_FAILURE = "sqs:SendMessage"
FROM_THE_QUEUE = {"sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"}
ROLES = (
    "ReceiveWebhookRole", "MatchTriggersRole", "DispatchRunsRole", "PlanRunRole", "RunnerRole", "FinalizeRunRole",
    "RouteAlertsRole", "ServeConsoleRole", "ReapRunsRole", "ServeApiRole",
)  # fmt: skip


@pytest.fixture(scope="module")
def path() -> Iterator[tuple[Recorder, Template]]:
    """The whole path, once: what each role used, and the template with the names of this world."""
    with pytest.MonkeyPatch.context() as monkeypatch, mock_aws():
        machine = _make_world(monkeypatch)
        recorder = listen(monkeypatch)
        _walk(recorder, monkeypatch)
        yield recorder, _named(machine)
    bootstrap.world.cache_clear()


@pytest.mark.parametrize("role", ROLES)
def test_every_call_is_allowed(path: tuple[Recorder, Template], role: str) -> None:
    recorder, named = path
    statements = role_statements(named, role)
    assert recorder.uses[role]
    refused = {
        use for use in recorder.uses[role] if not allows(statements, use.action, use.resource, **use.context)
    }
    assert not refused


@pytest.mark.parametrize("role", ROLES)
def test_every_grant_is_used(path: tuple[Recorder, Template], role: str) -> None:
    recorder, named = path
    unused = [
        (action, resource)
        for statement in role_statements(named, role)
        for action in set(statement.actions) - BY_AWS - FROM_THE_QUEUE - {ON_FAILURE}
        for resource in statement.resources
        if not any(
            statement.matches(
                action, resource, {key.replace("__", ":"): value for key, value in use.context.items()}
            )
            for use in recorder.uses[role]
            if use.action == action and _under(resource, use)
        )
    ]
    assert not unused


def _under(resource: str, use: Use) -> bool:
    head, star, tail = resource.partition("*")
    return use.resource.startswith(head) and use.resource.endswith(tail) if star else use.resource == resource


def _named(machine: str) -> Template:
    secret = f"arn:aws:secretsmanager:{ACCOUNT}:secret:headgate"
    return Template.read(
        Table="headgate",
        Table__Arn=TABLE,
        ArtifactsBucket="headgate",
        ArtifactsBucket__Arn=BUCKET,
        Bus="headgate",
        Bus__Arn=BUS,
        RunMachine=machine,
        Cluster="headgate",
        Cluster__Arn=CLUSTER,
        AlertTopic=f"arn:aws:sns:{ACCOUNT}:alerts",
        SlackSecret=f"{secret}/slack-AbCdEf",
        ApiTokenSecret=f"{secret}/api-token-AbCdEf",
    )


def _make_world(monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "HEADGATE_TABLE": "headgate",
        "HEADGATE_BUCKET": "headgate",
        "HEADGATE_BUS": "headgate",
        "HEADGATE_SECRETS_PREFIX": "headgate",
        "HEADGATE_CONSOLE_URL": "https://headgate.example.com",
        "HEADGATE_ALERT_TOPIC_ARN": f"arn:aws:sns:{ACCOUNT}:alerts",
        "HEADGATE_CLUSTER_ARN": CLUSTER,
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    boto3.client("dynamodb").create_table(TableName="headgate", **table_definition())
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="headgate", CreateBucketConfiguration={"LocationConstraint": REGION})
    for digest, nodes in ((SMALL, 3), (LARGE, 101)):
        index = _index(nodes).encode()
        s3.put_object(Bucket="headgate", Key=f"bundles/{digest}/44136fa355b3678a/index.msgpack", Body=index)
    boto3.client("events").create_event_bus(Name="headgate")
    boto3.client("sns").create_topic(Name="alerts")
    boto3.client("ecs").create_cluster(clusterName="headgate")
    boto3.client("ecs").register_task_definition(
        family="headgate-runner", containerDefinitions=[{"name": "runner", "image": "runner", "memory": 512}]
    )
    for name, value in {
        "webhooks/fivetran/default": {"secret": "s3cret"},
        "webhooks/webhook/hightouch": {"secret": "s3cret"},
        "warehouse/shop": {"password": "p"},
        "slack": {"#finance-data": "https://127.0.0.1:1/never"},
        "api-token": {"token": "t0ken"},
    }.items():
        boto3.client("secretsmanager").create_secret(Name=f"headgate/{name}", SecretString=json.dumps(value))
    machine: str = boto3.client("stepfunctions").create_state_machine(
        name="headgate-run",
        definition='{"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}',
        roleArn="arn:aws:iam::123456789012:role/machine",
    )["stateMachineArn"]
    monkeypatch.setenv("HEADGATE_STATE_MACHINE_ARN", machine)
    bootstrap.world.cache_clear()
    return machine


def _index(nodes: int) -> Index:
    def node(number: int) -> Node:
        return Node(
            unique_id=f"model.shop.m{number}",
            name=f"m{number}",
            resource_type="model",
            package_name="shop",
            fqn=("shop", f"m{number}"),
            original_file_path=f"models/m{number}.sql",
            materialized="table",
            depends_on=(f"model.shop.m{number - 1}",) if number else (),
            signature=Signature(rest=b"signed"),
        )

    found = {one.unique_id: one for one in map(node, range(nodes))}
    return Index(dbt_version="1.11.0", schema_version="v12", nodes=found)


def _walk(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every verb, on its way and off it."""
    world = bootstrap.world()
    world.jobs.point_at("production", SMALL)
    with recorder.acting_as("MatchTriggersRole"):
        # Until something is applied, what an earlier version stored is looked for.
        assert match_triggers(_synced("early", "stripe"), CONTEXT) == {"runs": []}
    world.jobs.apply(JOBS)
    with recorder.acting_as("ReceiveWebhookRole"):
        assert receive_webhook(_webhook(), CONTEXT)["statusCode"] == 200
        assert receive_webhook(_webhook(secret="wrong"), CONTEXT)["statusCode"] == 401
        # How a receiver of headgate.yml proves a message is read from the table.
        assert receive_webhook(_to_receiver(), CONTEXT)["statusCode"] == 200
    event_id = world.events.recent()[-1]["event_id"]
    with recorder.acting_as("MatchTriggersRole"):
        assert match_triggers(_synced(event_id, "stripe"), CONTEXT) == {"runs": [1]}
        assert match_triggers(_synced(event_id, "nobody"), CONTEXT) == {"runs": []}
    with recorder.acting_as("DispatchRunsRole"):
        assert dispatch_runs(_bus("RunQueued", run_id=1, job="finance"), CONTEXT) == {"started": [1]}
    with recorder.acting_as("PlanRunRole"):
        for _ in range(2):
            assert plan_run({"run_id": 1, "step": 1}, CONTEXT)["build"] is True
    with recorder.acting_as("RunnerRole"):
        _be_the_runner()
    with recorder.acting_as("FinalizeRunRole"):
        assert finalize_run({"run_id": 1, "step": 1}, CONTEXT)["status"] == "error"
    with recorder.acting_as("RouteAlertsRole"):
        _route(monkeypatch)
    with recorder.acting_as("ServeConsoleRole"):
        for route, parameters in (("GET /", {}), ("GET /runs/{run_id}", {"run_id": "1"})):
            assert serve_console(_page(route, parameters), CONTEXT)["statusCode"] == 200
    # The plan of an old run has expired; its page is served all the same.
    boto3.client("s3").delete_object(Bucket="headgate", Key="runs/1/steps/01/plan.json")
    with recorder.acting_as("ServeConsoleRole"):
        assert serve_console(_page("GET /runs/{run_id}", {"run_id": "1"}), CONTEXT)["statusCode"] == 200
    _walk_where_less_is_known(recorder)
    _compare_with_a_success(recorder)
    _reap(recorder)
    bootstrap.world.cache_clear()  # another function's process: it knows no secret yet
    _serve_api(recorder)
    _open_gates(recorder)
    _take_places(recorder)
    _before_this_version_applied_anything(recorder)


def _open_gates(recorder: Recorder) -> None:
    """What waits for several things, for the time, for a model of a run; and runs that take each other's place."""
    both = Gate("fivetran", (Awaited("fivetran", "g1"), Awaited("fivetran", "g2")), needed=2, else_at="07:00")
    model = Gate("after", (Awaited("model", "finance/m0"),))
    objects = Gate("s3", (Awaited("s3", "landing", {"key": ("erp/*",)}),))
    waiting = (
        Job("both", "production", ("dbt build",), gates=(both,), schedules=(Schedule("0 6 * * *"),)),
        Job("after", "production", ("dbt build",), gates=(model, objects)),
    )
    bootstrap.world().jobs.apply(JobsFile((), waiting, (), origin="gates.yml"))
    created = {"bucket": {"name": "landing"}, "object": {"key": "erp/1", "size": 1, "sequencer": "1"}}
    with recorder.acting_as("MatchTriggersRole"):
        every_minute = {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
        assert match_triggers(every_minute, CONTEXT) == {"runs": []}
        for number, connector in enumerate(("g1", "g2", "g1", "g2")):
            started = match_triggers(_synced(f"gates/{number}", connector), CONTEXT)["runs"]
            assert len(started) == number % 2
        assert match_triggers(every_minute, CONTEXT) == {"runs": []}
        end = _bus("RunFinished", run_id=1, job="finance", environment="production", status="error")
        s3 = {"source": "aws.s3", "detail-type": "Object Created", "id": "1", "detail": created}
        due = _bus("ScheduleFired", job="both", scheduled_time="2026-01-31T06:00:00Z")
        for event in (end, s3, due):
            assert len(match_triggers(event, CONTEXT)["runs"]) == 1
    for run in bootstrap.world().runs.active_runs():
        if run.job in ("both", "after"):
            bootstrap.world().runs.move(run.run_id, RunStatus.CANCELLED)


def _take_places(recorder: Recorder) -> None:
    """Runs whose place another one takes, under way and before they start."""
    world = bootstrap.world()
    for key in ("under way", "before it starts"):
        run, _ = world.runs.create_run(JOBS.jobs[1], SMALL, _cause(f"taken over {key}"))
        assert world.runs.take_slot(run)
        if key == "under way":
            world.runs.record_execution(run.run_id, world.machine.start(run))
        by, _ = world.runs.create_run(
            JOBS.jobs[1], SMALL, _cause(f"takes over {key}"), on_conflict="cancel_running"
        )
        with recorder.acting_as("DispatchRunsRole"):
            dispatch_runs(_bus("RunQueued", run_id=by.run_id, job="nothing"), CONTEXT)
        assert world.runs.get_run(run.run_id).superseded_by == by.run_id
        for left in (run, by):
            world.runs.move(left.run_id, RunStatus.CANCELLED)


def _before_this_version_applied_anything(recorder: Recorder) -> None:
    """Jobs as an earlier version stored them are read in another way."""
    world = bootstrap.world()
    boto3.client("dynamodb").delete_item(
        TableName="headgate", Key={"pk": {"S": "applied"}, "sk": {"S": "files"}}
    )
    for role in ("DispatchRunsRole", "ReapRunsRole"):
        run, _ = world.runs.create_run(JOBS.jobs[1], SMALL, _cause(f"early {role}"))
        with recorder.acting_as("ServeConsoleRole"):
            # What it waits for is told.
            assert serve_console(_page("GET /", {}), CONTEXT)["statusCode"] == 200
        with recorder.acting_as(role):
            if role == "ReapRunsRole":
                assert reap_runs({}, CONTEXT)["started"] == [run.run_id]
            else:
                assert dispatch_runs(_bus("RunQueued", run_id=run.run_id, job="nothing"), CONTEXT) == {
                    "started": [run.run_id]
                }
        detail = {"name": f"run-{run.run_id}", "status": "FAILED", "error": "States.Runtime"}
        with recorder.acting_as("FinalizeRunRole"):
            finalize_run({"detail-type": "Step Functions Execution Status Change", "detail": detail}, CONTEXT)
        assert world.runs.get_run(run.run_id).status is RunStatus.ERROR


def _walk_where_less_is_known(recorder: Recorder) -> None:
    """A project so large that its history is read whole, and a run that was stopped before it was planned."""
    world = bootstrap.world()
    world.jobs.point_at("production", LARGE)
    world.runs.create_run(JOBS.jobs[0], LARGE, _cause("large"))
    world.runs.create_run(JOBS.jobs[0], "", _cause("unpublished"))
    with recorder.acting_as("DispatchRunsRole"):
        dispatch_runs(
            _bus("RunFinished", run_id=1, job="finance", environment="production", status="error"), CONTEXT
        )
        # No longer among the active ones, as in an index that lags: read by itself.
        dispatch_runs(_bus("RunQueued", run_id=1, job="finance"), CONTEXT)
    with recorder.acting_as("PlanRunRole"):
        assert plan_run({"run_id": 2, "step": 1}, CONTEXT)["build"] is True
    with recorder.acting_as("PlanRunRole"), pytest.raises(PlanError, match="nothing is published"):
        plan_run({"run_id": 3, "step": 1}, CONTEXT)
    for index, run_id in enumerate((2, 3)):
        with recorder.acting_as("FinalizeRunRole"):
            detail = {
                "name": f"run-{run_id}",
                "status": ("ABORTED", "FAILED")[index],
                "error": "States.Runtime",
            }
            finalize_run({"detail-type": "Step Functions Execution Status Change", "detail": detail}, CONTEXT)
    run, _ = world.runs.create_run(JOBS.jobs[0], "c" * 64, _cause("lost bundle"))
    with recorder.acting_as("PlanRunRole"), pytest.raises(PlanError, match="is not there"):
        plan_run({"run_id": run.run_id, "step": 1}, CONTEXT)
    world.runs.move(run.run_id, RunStatus.ERROR)


def _compare_with_a_success(recorder: Recorder) -> None:
    """What `dbt source freshness` saw is remembered, a run that builds nothing succeeds, another compares with it."""
    world = bootstrap.world()
    world.jobs.point_at("production", SMALL)
    runs = {
        job.name: world.runs.create_run(job, SMALL, _cause(job.name))[0].run_id
        for job in (world.jobs.job(name) for name in ("freshness", "nothing", "compared"))
    }
    seen = {"unique_id": "source.shop.raw.o", "max_loaded_at": INSTANT, "snapshotted_at": INSTANT}
    for name, artifact, entry in (
        ("freshness", "sources.json", seen),
        ("nothing", "run_results.json", {"unique_id": "model.shop.m0", "status": "error"}),
        ("nothing", "sources.json", seen),
    ):
        world.artifacts.put(runs[name], 1, artifact, json.dumps({"results": [entry]}).encode())
    for name, status in (("freshness", "error"), ("nothing", "success")):
        with recorder.acting_as("PlanRunRole"):
            plan_run({"run_id": runs[name], "step": 1}, CONTEXT)
        world.runs.move(runs[name], RunStatus.STARTING)
        with recorder.acting_as("FinalizeRunRole"):
            assert finalize_run({"run_id": runs[name], "step": 1}, CONTEXT)["status"] == status
    with recorder.acting_as("PlanRunRole"):
        plan_run({"run_id": runs["compared"], "step": 1}, CONTEXT)
    world.runs.move(runs["compared"], RunStatus.ERROR)


class HurriedClock(SystemClock):
    """The system's, a little ahead."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


def _be_the_runner() -> None:
    """The calls that headgate_runner makes of its ports: an attempt that dies, and one that ends the step."""
    world = bootstrap.world()
    plan = world.plans.get_plan(1, 1)
    environment = world.jobs.environment(plan.environment)
    assert world.secrets.get(environment.secrets["PASSWORD"].partition("#")[0])
    world.bundles.read(plan.bundle, f"{plan.command.vars_digest}/index.msgpack")
    lost = QueueSession(world.queue, world.clock, plan, 1)
    lost.begin()
    lost.next()
    # The lost attempt held every place of the warehouse.
    for number in range(8):
        assert world.slots.take("production", WAREHOUSE, str(Holder(1, 1, 1, 1, f"model.shop.m{number}")), 8)
    clock = HurriedClock()
    session = QueueSession(world.queue, clock, plan, 1, slots=world.slots, states=world.states)
    session.begin()
    session.renew()
    # Nothing of this plan is reused, so nothing can get a turn back.
    assert not world.queue.revive(1, 1, "model.shop.m0", 1.0, runner=1, epoch=session.epoch)
    world.runs.move(1, RunStatus.RUNNING)
    while not isinstance(claim := session.next(), Over):
        if isinstance(claim, Idle):
            clock.ahead += SWEEP_SECONDS + 1
            session.renew()
            continue
        own = claim.unique_id in (OPENING, CLOSING)  # type: ignore[union-attr]
        failed = claim.unique_id == "model.shop.m1"  # type: ignore[union-attr]
        status = "error" if failed else "skipped" if claim.skip else "success"  # type: ignore[union-attr]
        entry = {"unique_id": claim.unique_id, "status": status, "message": "boom", "execution_time": 1.0}  # type: ignore[union-attr]
        session.finish(claim.unique_id, None if own else NodeResult.from_entry(entry, 1))  # type: ignore[union-attr]
    _remember_builds(world)
    world.queue.results(1, 1)
    world.artifacts.put(1, 1, "invocation.json", b"{}")
    world.artifacts.append_log(1, 1, 1, 1, [{"message": "done"}])
    session.end()


def _remember_builds(world: Any) -> None:
    """One relation is built, one is handed back, one is not there any more."""
    states, node = world.states, "model.shop.m0"
    states.read("production", [node])
    for holder in ("7#1#1#1#model.shop.m0", "8#1#1#1#model.shop.m0"):
        fence = states.hold("production", node, holder, instead_of="7#1#1#1#model.shop.m0").fence
    assert states.commit("production", BuildState(node, version="1.1.2", fence=fence))
    assert states.test_ended("production", node, "1.1.2", "test.shop.t", passed=True)
    states.record("production", BuildState("test.shop.t", status="pass"))
    assert states.forget("production", node, "1.1.2")
    assert states.let_go("production", node, fence)
    states.record_look("production", 1.0)


def _reap(recorder: Recorder) -> None:
    """A run whose announcement was lost, then the end of its execution, then the end of its container."""
    world = bootstrap.world()
    run, _ = world.runs.create_run(JOBS.jobs[0], SMALL, _cause("unheard"))
    with recorder.acting_as("ReapRunsRole"):
        assert reap_runs({}, CONTEXT) == {"started": [run.run_id]}
    plan_run({"run_id": run.run_id, "step": 1}, CONTEXT)
    plan = world.plans.get_plan(run.run_id, 1)
    session = QueueSession(world.queue, world.clock, plan, 1, slots=world.slots)
    session.begin()
    for status in ("", "success", "error"):
        claim = session.next()
        assert isinstance(claim, Claim)
        entry = {"unique_id": claim.unique_id, "status": status, "message": "boom", "execution_time": 1.0}
        session.finish(claim.unique_id, NodeResult.from_entry(entry, 1) if status else None)
    assert isinstance(session.next(), Claim)
    _launch(run.run_id)
    (machine,) = stepfunctions_backends[ACCOUNT_ID][REGION].state_machines
    machine.executions[-1].status = "FAILED"
    session.end("lost")
    with recorder.acting_as("ReapRunsRole"):
        done = reap_runs({}, CONTEXT)
    assert done["ended"] == [run.run_id]
    assert len(done["stopped"]) == 1
    assert world.runs.get_run(run.run_id).status is RunStatus.ERROR
    world.slots.take("production", WAREHOUSE, str(Holder(run.run_id, 1, 1, 1, "model.shop.m2")), 8)
    other, _ = world.runs.create_run(JOBS.jobs[0], SMALL, _cause("other"))
    with recorder.acting_as("ReapRunsRole"):
        assert len(reap_runs({}, CONTEXT)["freed"]) == 1
    for status in (RunStatus.RUNNING, RunStatus.SUCCESS):
        world.runs.move(other.run_id, status)
    with recorder.acting_as("ReapRunsRole"):
        # Whoever ended it died before anybody heard of it.
        reap_runs({}, CONTEXT)
    assert world.jobs.last_success("production") == (SMALL, other.run_id)


def _serve_api(recorder: Recorder) -> None:
    """A run is looked at and repeated; others are cancelled while they wait, before they start, and under way."""
    world = bootstrap.world()
    event_id = world.events.recent()[0]["event_id"]
    with recorder.acting_as("ServeApiRole"):
        assert serve_api(_api("GET", "/api/runs/1"), CONTEXT)["statusCode"] == 200
        assert serve_api(_api("GET", "/api/jobs/compared/plan"), CONTEXT)["statusCode"] == 200
        assert serve_api(_api("GET", "/api/jobs/nobody/plan"), CONTEXT)["statusCode"] == 404
        assert serve_api(_api("GET", "/api/runs/2/plan"), CONTEXT)["statusCode"] == 200
        for path in ("/api/jobs", "/api/jobs/finance", "/api/runs", "/api/events", f"/api/events/{event_id}"):
            assert serve_api(_api("GET", path), CONTEXT)["statusCode"] == 200
        for path, status in (("pause", 200), ("resume", 200), ("runs", 201)):
            assert serve_api(_api("POST", f"/api/jobs/finance/{path}"), CONTEXT)["statusCode"] == status
        waiting = _api("GET", "/api/runs") | {"queryStringParameters": {"status": "queued"}}
        assert serve_api(waiting, CONTEXT)["statusCode"] == 200
        unknown = _api("POST", "/api/jobs/finance/runs") | {"body": '{"git_branch": "nobody-s"}'}
        assert serve_api(unknown, CONTEXT)["statusCode"] == 409
    world.runs.move(world.runs.list_runs(1)[0].run_id, RunStatus.CANCELLED)
    with recorder.acting_as("ServeApiRole"):
        assert serve_api(_api("POST", "/api/runs/1/retry"), CONTEXT)["statusCode"] == 201
    retry = world.runs.list_runs(1)[0].run_id
    other, _ = world.runs.create_run(JOBS.jobs[0], SMALL, _cause("cancelled under way"))
    with recorder.acting_as("ServeApiRole"):
        assert serve_api(_api("POST", f"/api/runs/{retry}/cancel"), CONTEXT)["statusCode"] == 202
    assert world.runs.get_run(retry).status is RunStatus.CANCELLED
    dispatch_runs(_bus("RunQueued", run_id=other.run_id, job="finance"), CONTEXT)
    with recorder.acting_as("ServeApiRole"):
        assert serve_api(_api("POST", f"/api/runs/{other.run_id}/cancel"), CONTEXT)["statusCode"] == 202
    assert world.runs.get_run(other.run_id).status is RunStatus.STARTING
    world.runs.move(other.run_id, RunStatus.CANCELLED)
    early, _ = world.runs.create_run(JOBS.jobs[0], SMALL, _cause("cancelled before it starts"))
    assert world.runs.take_slot(early)
    with recorder.acting_as("ServeApiRole"):
        assert serve_api(_api("POST", f"/api/runs/{early.run_id}/cancel"), CONTEXT)["statusCode"] == 202
    assert world.runs.get_run(early.run_id).status is RunStatus.CANCELLED


def _api(method: str, path: str) -> dict[str, Any]:
    headers = {"authorization": "Bearer t0ken"}
    return {"rawPath": path, "requestContext": {"http": {"method": method}}, "headers": headers}


def _launch(run_id: int) -> None:
    """A container as the state machine starts it."""
    numbers = {"HEADGATE_RUN_ID": str(run_id), "HEADGATE_STEP": "1", "HEADGATE_RUNNER": "1"}
    boto3.client("ecs").run_task(
        cluster="headgate",
        taskDefinition="headgate-runner",
        launchType="FARGATE",
        overrides={
            "containerOverrides": [
                {"name": "runner", "environment": [{"name": k, "value": v} for k, v in numbers.items()]}
            ]
        },
    )


def _route(monkeypatch: pytest.MonkeyPatch) -> None:
    """An alert to a channel that answers late: refused the first time, sent the second, not sent the third."""
    answers = iter([RuntimeError("down"), None])

    def send(_notifier: object, _alert: object, address: str) -> None:
        assert bootstrap.world().secrets.get("slack")[address]
        if (answer := next(answers)) is not None:
            raise answer

    monkeypatch.setattr("headgate.adapters.notifiers.slack.SlackNotifier.send", send)
    url = "https://headgate.example.com/runs/1"
    message = {
        "run_id": 1, "job": "finance", "environment": "production", "node": "model.shop.m1", "status": "error",
        "severity": "error", "error": "boom", "url": url,
    }  # fmt: skip
    record = {
        "messageId": "m",
        "body": json.dumps(message),
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn",
    }
    with pytest.raises(BatchProcessingError):
        route_alerts({"Records": [record]}, CONTEXT)
    for _ in range(2):
        assert route_alerts({"Records": [record]}, CONTEXT) == {"batchItemFailures": []}


def _cause(key: str) -> Cause:
    return Cause("cli", key)


def _webhook(secret: str = "s3cret") -> dict[str, Any]:
    body = {
        "event": "sync_end",
        "created": datetime.now(UTC).isoformat(),
        "connector_id": "stripe",
        "sync_id": "1",
    }
    raw = json.dumps({**body, "data": {"status": "SUCCESSFUL"}}).encode()
    headers = {"X-Fivetran-Signature-256": sign(raw, secret)}
    return {
        "headers": headers,
        "pathParameters": {"provider": "fivetran", "source": "default"},
        "body": raw.decode(),
    }


def _to_receiver() -> dict[str, Any]:
    parameters = {"provider": "webhook", "source": "hightouch", "token": "s3cret"}
    return {"headers": {}, "pathParameters": parameters, "body": "{}"}


def _synced(event_id: str, connector: str) -> dict[str, Any]:
    return _bus(
        "ConnectorSynced",
        event_id=event_id,
        provider="fivetran",
        origin="default",
        connector_id=connector,
        sync_id="1",
    )


def _bus(detail_type: str, **detail: Any) -> dict[str, Any]:
    return {"detail-type": detail_type, "source": "headgate", "detail": detail}


def _page(route: str, parameters: dict[str, str]) -> dict[str, Any]:
    return {"routeKey": route, "headers": {"authorization": "Bearer t0ken"}, "pathParameters": parameters}
