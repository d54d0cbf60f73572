"""Variables and overrides of a run, from the jobs file to its plan, and what is learnt of such runs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.code import Code
from headgate.domain.env_test import env_test, stands_for_environment
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job, JobsFile, ReusePolicy
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.plan import COMMAND, Engine, Plan
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.variables import effective, env_vars_of, own_of, parse_digest
from headgate.errors import InputError, PlanError
from headgate.usecases.plan_run import draft_plan
from headgate.usecases.read_secrets import read_secrets
from headgate.usecases.retry_run import retry_run
from headgate.usecases.run_nodes import QueueSession
from headgate.usecases.start_job import start_job
from tests.builders import make_index, make_node
from tests.whole_runs import dispatch, finalizer, plan

A, B = "model.shop.a", "model.shop.b"
BUNDLE = "e" * 64
ENVIRONMENT = Environment(
    "production",
    "prod",
    "analytics",
    variables={"DBT_REGION": "eu", "DBT_SIZE": "10"},
    secrets={"DBT_ENV_SECRET_PASSWORD": "warehouse/prod#password"},
    project="shop",
    project_variables={"DBT_SIZE": "1"},
)


def job_of(*lines: str, **fields: Any) -> Job:
    return Job("finance", "production", lines or ("dbt build",), **fields)


def index_of(environment: Environment = ENVIRONMENT, job: Job | None = None, **fields: Any) -> Index:
    """As publishing makes it of a project that reads DBT_REGION while it is parsed."""
    said = {name: one.said for name, one in effective(environment, job).items()}
    nodes = fields.pop("nodes", (make_node(A), make_node(B, A)))
    return make_index(*nodes, env_vars=env_vars_of(["DBT_REGION"], said), **fields)


def publish(world: MemoryWorld, index: Index | None = None, vars: str = "{}", own: Any = None) -> None:
    name = f"{parse_digest(vars, own or {})}/index.msgpack"
    world.bundles._files[BUNDLE, name] = (index or index_of()).encode()
    world.jobs.point_at("production", BUNDLE)


def apply(world: MemoryWorld, job: Job, environment: Environment = ENVIRONMENT) -> None:
    world.jobs.apply(JobsFile((environment,), (job,), ()))


def begin(world: MemoryWorld, job: Job, overrides: Overrides = NO_OVERRIDES, key: str = "k") -> Run:
    return start_job(
        job, Cause("api", key), jobs=world.jobs, runs=world.runs, bus=world.bus, overrides=overrides
    )


@pytest.fixture
def world() -> MemoryWorld:
    made = MemoryWorld()
    publish(made)
    return made


def planned(world: MemoryWorld, job: Job, overrides: Overrides = NO_OVERRIDES, key: str = "k") -> Plan:
    apply(world, job)
    return draft_plan(begin(world, job, overrides, key), 1, world)


def test_the_plan_has_variables_and_only_references_of_secrets(world: MemoryWorld) -> None:
    found = planned(world, job_of(variables={"DBT_SIZE": "20"}, secrets={"TOKEN": "warehouse/job#token"}))
    assert found.variables == {"DBT_REGION": "eu", "DBT_SIZE": "20"}
    assert found.secrets == {
        "DBT_ENV_SECRET_PASSWORD": "warehouse/prod#password",
        "TOKEN": "warehouse/job#token",
    }


def test_a_plan_of_an_earlier_version_can_be_read(world: MemoryWorld) -> None:
    said = msgspec.json.decode(msgspec.json.encode(planned(world, job_of())))
    for name in ("variables", "secrets", "schema", "parse", "anew"):
        del said[name]
    earlier = msgspec.json.decode(msgspec.json.encode(said), type=Plan)
    assert (earlier.secrets, dict(earlier.variables), earlier.anew) == (None, {}, False)
    assert earlier.parse_digest == earlier.command.vars_digest


# Which parse -----------------------------------------------------------------------------------------------------


def test_what_dbt_reads_no_variable_of_is_planned_with_everybody_s_parse(world: MemoryWorld) -> None:
    assert planned(world, job_of(variables={"DBT_SIZE": "20"})).parse == parse_digest("{}", {})


def test_a_job_whose_variable_dbt_reads_has_a_parse_of_its_own_or_none_at_all(world: MemoryWorld) -> None:
    job = job_of(variables={"DBT_REGION": "us"})
    apply(world, job)
    run = begin(world, job)
    with pytest.raises(
        PlanError, match=r"not parsed with the variables of job finance \(DBT_REGION\).*publish"
    ):
        draft_plan(run, 1, world)
    own = own_of(job, ENVIRONMENT)
    publish(world, index_of(job=job, nodes=(make_node("model.shop.of_us"),)), own=own)
    found = draft_plan(run, 1, world)
    assert [node.unique_id for node in found.nodes] == ["model.shop.of_us"]
    assert (found.parse, found.engine) == (parse_digest("{}", own), Engine.SHARED)


@pytest.mark.parametrize("now", [{"DBT_REGION": "us", "DBT_SIZE": "10"}, {"DBT_SIZE": "10"}])
def test_what_changed_since_dbt_has_read_it_must_be_published(
    world: MemoryWorld, now: dict[str, str]
) -> None:
    job = job_of()
    apply(world, job, replace(ENVIRONMENT, variables=now))
    with pytest.raises(PlanError, match="DBT_REGION had another value when bundle eeeeeeeeeeee was parsed"):
        draft_plan(begin(world, job), 1, world)


def test_what_dbt_has_not_read_may_change_at_any_time(world: MemoryWorld) -> None:
    job = job_of()
    apply(world, job, replace(ENVIRONMENT, variables={"DBT_REGION": "eu", "DBT_SIZE": "99"}))
    assert draft_plan(begin(world, job), 1, world).variables["DBT_SIZE"] == "99"


def test_an_index_that_tells_nothing_of_variables_serves_no_job_with_some(world: MemoryWorld) -> None:
    publish(world, make_index(make_node(A)))
    assert planned(world, job_of()).nodes
    with pytest.raises(PlanError, match="not parsed with the variables"):
        planned(world, job_of(variables={"DBT_SIZE": "2"}), key="other")


# Overrides -------------------------------------------------------------------------------------------------------


def test_threads_are_the_run_s(world: MemoryWorld) -> None:
    found = planned(world, job_of(), Overrides(threads=2))
    assert (found.threads, found.engine, found.anew) == (2, Engine.SHARED, False)


def test_another_schema_is_one_dbt_command_that_reads_the_project_anew(world: MemoryWorld) -> None:
    job = job_of(reuse=ReusePolicy(unchanged=True))
    found = planned(world, job, Overrides(schema="pr_7"))
    assert (found.engine, found.runners, found.schema, found.anew) == (Engine.COMMAND, 1, "pr_7", True)
    assert not found.reuse
    assert not any(node.relation or node.fingerprint or node.decision.reuses for node in found.nodes)


def test_vars_of_a_run_count_before_those_of_its_job(world: MemoryWorld) -> None:
    job = job_of("""dbt build --vars '{"day": 1, "own": true}'""", """dbt compile""")
    publish(world, vars='{"day": 1, "own": true}')
    apply(world, job)
    run = begin(world, job, Overrides(vars='{"day": 2}'))
    first, second = (draft_plan(run, step, world) for step in (1, 2))
    assert first.command.vars == '{"day": 2, "own": true}'
    assert second.command.vars == '{"day": 2}'
    assert (first.engine, first.anew, first.parse) == (
        Engine.COMMAND,
        True,
        parse_digest('{"day": 1, "own": true}', {}),
    )


def test_vars_that_were_published_are_shared_as_if_the_job_had_them(world: MemoryWorld) -> None:
    publish(world, vars='{"day": 2}')
    found = planned(world, job_of(), Overrides(vars='{"day": 2}'))
    assert (found.engine, found.anew, found.command.vars) == (Engine.SHARED, False, '{"day": 2}')


def test_what_a_variable_has_become_is_no_matter_where_dbt_reads_anew(world: MemoryWorld) -> None:
    job = job_of()
    apply(world, job, replace(ENVIRONMENT, variables={"DBT_REGION": "us"}))
    found = draft_plan(begin(world, job, Overrides(schema="pr_7")), 1, world)
    assert (found.anew, found.variables["DBT_REGION"]) == (True, "us")


def end(world: MemoryWorld, run: Run) -> RunStatus:
    """As the command engine ends its turn."""
    session = QueueSession(world.queue, world.clock, world.plans.get_plan(run.run_id, 1), 1)
    session.begin()
    claim = session.next()
    assert getattr(claim, "unique_id", None) == COMMAND
    entry = {"unique_id": COMMAND, "status": "success", "execution_time": 1.0, "message": ""}
    session.finish(COMMAND, NodeResult.from_entry(entry, 1))
    finalizer(world)(run.run_id, 1)
    return world.runs.get_run(run.run_id).status


@pytest.mark.parametrize(
    ("overrides", "stands"),
    [
        (Overrides(schema="pr_7"), False),
        (Overrides(vars='{"day": 2}'), False),
        (Overrides(threads=2), True),
        (Overrides(git_ref="main"), True),
    ],
)
def test_which_runs_stand_for_their_environment(
    world: MemoryWorld, overrides: Overrides, stands: bool
) -> None:
    job = job_of()
    apply(world, job)
    assert stands_for_environment(begin(world, job, overrides)) is stands


@pytest.mark.parametrize("overrides", [Overrides(schema="pr_7"), Overrides(vars='{"day": 2}')])
def test_nothing_is_learnt_of_a_run_elsewhere(world: MemoryWorld, overrides: Overrides) -> None:
    job = job_of()
    apply(world, job)
    run = begin(world, job, overrides)
    dispatch(world)
    plan(world, 1, run.run_id)
    for unique_id in (A, B):
        entry = {"unique_id": unique_id, "status": "success", "execution_time": 100.0, "message": ""}
        world.queue.record(1, 1, NodeResult.from_entry(entry, 1), "2026-01-01T00:00:00Z", last_word=True)
    assert end(world, run) is RunStatus.SUCCESS
    assert world.history.predictions("production", [f"{A} as table"]) == {}
    assert world.states.read("production", [A, B]) == {}
    with pytest.raises(Exception, match="production"):
        world.jobs.last_success("production")


def test_a_retry_keeps_what_its_run_wanted_otherwise(world: MemoryWorld) -> None:
    job, overrides = job_of(), Overrides(schema="pr_7", threads=2, vars='{"day": 2}')
    apply(world, job)
    run = begin(world, job, overrides)
    world.runs.move(run.run_id, RunStatus.ERROR, error="nothing was built")
    cause = Cause("retry", "k")
    again = retry_run(
        run.run_id, from_start=False, cause=cause, runs=world.runs, queue=world.queue, bus=world.bus
    )
    assert again.overrides == overrides
    found = draft_plan(again, 1, world)
    assert (found.schema, found.threads, found.command.vars) == ("pr_7", 2, '{"day": 2}')


# Fingerprints ----------------------------------------------------------------------------------------------------

READS = Code(text="t", env=("DBT_SIZE",))
SECRET = Code(text="t", env=("TOKEN",))


@pytest.mark.parametrize(
    ("code", "variables", "same"),
    [
        (READS, {"DBT_REGION": "eu", "DBT_SIZE": "10"}, True),
        (READS, {"DBT_REGION": "eu", "DBT_SIZE": "11"}, False),
        (READS, {"DBT_REGION": "eu"}, False),
        (Code(text="t", env=("*",)), {"DBT_REGION": "eu", "DBT_SIZE": "10", "DBT_NEW": "1"}, False),
        (Code(text="t"), {"DBT_REGION": "eu", "DBT_SIZE": "11"}, True),
    ],
)
def test_another_value_is_another_fingerprint(
    world: MemoryWorld, code: Code, variables: dict[str, str], same: bool
) -> None:
    publish(world, index_of(nodes=(make_node(A, code=code),)))
    job = job_of(reuse=ReusePolicy(unchanged=True, ignore_volatile=True))
    before = planned(world, job).nodes[0].fingerprint
    apply(world, job, replace(ENVIRONMENT, variables=variables))
    after = draft_plan(begin(world, job, key="later"), 1, world).nodes[0].fingerprint
    assert (before == after) is same


def test_what_reads_a_secret_is_never_the_same(world: MemoryWorld) -> None:
    publish(world, index_of(nodes=(make_node(A, code=SECRET),)))
    job = job_of(secrets={"TOKEN": "warehouse/job#token"})
    before = planned(world, job).nodes[0].fingerprint
    world.clock.advance(1.0)
    assert planned(world, job, key="later").nodes[0].fingerprint != before


# Tests of an environment -----------------------------------------------------------------------------------------


def test_a_test_of_an_environment_is_a_run_of_no_job(world: MemoryWorld) -> None:
    job = job_of(variables={"DBT_REGION": "us"}, secrets={"TOKEN": "warehouse/job#token"})
    apply(world, job)
    tested = env_test(ENVIRONMENT, job)
    run = begin(world, tested)
    assert dispatch(world) == [run.run_id]
    found = plan(world, 1, run.run_id)
    assert found.to_state()["build"] is True
    # Whatever dbt has read when it parsed: `dbt debug` reads no model.
    assert (found.plan.engine, found.plan.variables["DBT_REGION"]) == (Engine.COMMAND, "us")
    assert "TOKEN" in (found.plan.secrets or {})
    assert end(world, run) is RunStatus.SUCCESS
    with pytest.raises(Exception, match="production"):
        world.jobs.last_success("production")


def test_a_test_that_fails_alerts_nobody_and_switches_nothing_off(world: MemoryWorld) -> None:
    apply(world, job_of())
    run = begin(world, env_test(ENVIRONMENT))
    dispatch(world)
    plan(world, 1, run.run_id)
    finalizer(world)(run.run_id, 1, "the runner could not start", last=True)
    assert world.runs.get_run(run.run_id).status is RunStatus.ERROR
    assert world.alerts.published == []


def test_a_secret_that_runners_may_not_read_is_named(world: MemoryWorld) -> None:
    world.secrets.values["webhooks/fivetran"] = {"secret": "canary"}
    with pytest.raises(InputError, match=r"TOKEN: runners may read only secrets below warehouse/") as fault:
        read_secrets({"TOKEN": "webhooks/fivetran#secret"}, secrets=world.secrets)
    assert "canary" not in str(fault.value)
