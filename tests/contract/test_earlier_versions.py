"""Plans, indexes and jobs of the version before are read by this one, and this one's by the version before.

tests/fixtures/earlier holds what that version wrote. Its own code is gone; what it read is written down here as the
fields that it knew, with the library that it used.
"""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import boto3
import msgspec
import pytest

from headgate.adapters.aws.table import Table
from headgate.domain.command import Command
from headgate.domain.error_class import ErrorClass
from headgate.domain.gate import Awaited, Gate
from headgate.domain.index import Index, Node
from headgate.domain.job import Job, JobsFile, RetryPolicy
from headgate.domain.plan import Engine, Plan
from headgate.domain.plan_step import plan_step
from headgate.domain.queue import initial_records
from headgate.domain.schedule import Schedule
from headgate.errors import ConflictError, NotFoundError
from tests.builders import make_environment, make_index, make_node
from tests.contract.conftest import MotoStage

EARLIER = Path(__file__).parents[1] / "fixtures" / "earlier"
# The last field that the version before knew of a node of the index.
LAST_OF_NODE = "config"


def test_an_earlier_plan_is_read(moto: MotoStage) -> None:
    body = (EARLIER / "plan.json").read_bytes()
    boto3.client("s3").put_object(Bucket="headgate-bucket", Key="runs/7/steps/02/plan.json", Body=body)
    plan = moto.world.plans.get_plan(7, 2)
    assert plan.command == Command("build", select=("+b",), full_refresh=True, vars='{"day": 1}')
    assert (plan.engine, plan.fail_fast, plan.retries, plan.pools) == (
        Engine.SHARED,
        False,
        RetryPolicy(),
        {},
    )
    assert [node.unique_id for node in plan.nodes] == ["model.shop.a", "test.shop.t", "model.shop.b"]
    assert plan.nodes[2].unit_tests == ("unit_test.shop.b.one",)
    assert {(node.timeout_seconds, node.repeatable, node.pools) for node in plan.nodes} == {(None, True, ())}
    assert len(initial_records(plan)) == 6


def test_the_version_before_reads_a_plan_of_this_one(moto: MotoStage) -> None:
    node = make_node("model.shop.a", timeout=60.0, pools=("wh",), materialized="incremental")
    plan = plan_step(
        make_index(node),
        Command.parse("dbt build --fail-fast --store-failures --empty --resource-type model"),
        run_id=7,
        step=1,
        bundle="d",
        environment=make_environment(
            pools={"wh": 1}, concurrency=3, error_classes=(ErrorClass("x", ("y",)),)
        ),
        predictions={},
        job=Job("nightly", "production", (), retries=RetryPolicy(max=9)),
    )
    moto.world.plans.put_plan(plan)
    body = (
        boto3.client("s3")
        .get_object(Bucket="headgate-bucket", Key="runs/7/steps/01/plan.json")["Body"]
        .read()
    )
    earlier = _shape("Plan", json.loads((EARLIER / "plan.json").read_bytes()))
    read = msgspec.json.decode(body, type=earlier)
    assert (read.run_id, read.command.verb, read.nodes[0].unique_id) == (7, "build", "model.shop.a")


def test_an_earlier_index_is_read() -> None:
    index = Index.decode((EARLIER / "index.msgpack").read_bytes())
    assert index.nodes["model.shop.a"].tags == ("finance",)
    assert index.nodes["model.shop.b"].config == {"unique_key": "id", "meta": {"owner": "x"}}
    assert {(node.timeout, node.pools) for node in index.nodes.values()} == {(None, ())}
    plan = plan_step(
        index,
        Command("build"),
        run_id=1,
        step=1,
        bundle="d",
        environment=make_environment(),
        predictions={},
    )
    assert {node.unique_id: node.repeatable for node in plan.nodes} == {
        "model.shop.a": True,
        "test.shop.t": True,
        "model.shop.b": True,
        "snapshot.shop.h": False,
    }


def test_the_version_before_reads_an_index_of_this_one() -> None:
    body = make_index(make_node("model.shop.a", config={"x": True}, timeout=5.0, pools=("wh",))).encode()
    every = msgspec.structs.fields(Node)
    known = every[: 1 + [field.name for field in every].index(LAST_OF_NODE)]
    node = msgspec.defstruct(
        "Node",
        [(field.name, field.type) for field in known if field.required]
        + [(field.name, field.type, None) for field in known if not field.required],
        array_like=True,
        kw_only=True,
    )
    index = msgspec.defstruct("Index", [("nodes", dict[str, node]), ("groups", dict[str, str])])  # type: ignore[valid-type]
    envelope = msgspec.defstruct("Envelope", [("format", int), ("index", index)])
    read: Any = msgspec.msgpack.decode(body, type=envelope)
    assert read.format == 1
    assert read.index.nodes["model.shop.a"].config == {"x": True}


def test_the_fixtures_are_older_than_the_fields_that_were_added() -> None:
    assert set(json.loads((EARLIER / "plan.json").read_bytes())) < {field.name for field in fields(Plan)}
    with pytest.raises(KeyError):
        msgspec.msgpack.decode((EARLIER / "index.msgpack").read_bytes())["digest"]


def test_earlier_jobs_are_read_and_replaced_at_the_first_apply(moto: MotoStage) -> None:
    table, jobs = Table(boto3.client("dynamodb"), "headgate-table"), moto.world.jobs
    items = json.loads((EARLIER / "jobs.json").read_text())
    for item in items:
        table.put(item)
    finance = Job(
        "finance",
        "production",
        ("dbt build --select tag:finance+",),
        owner="finance-data@example.com",
        gates=(Gate("fivetran", (Awaited("fivetran", "stripe"), Awaited("fivetran", "hubspot"))),),
        schedules=(Schedule("0 6 * * 1-5", "Europe/Berlin"),),
        retries=RetryPolicy(max=5),
    )
    plain = Job("plain", "ci", ("dbt build",))
    assert jobs.jobs() == [finance, plain]
    assert jobs.job("finance") == finance
    assert (jobs.environment("production").threads, jobs.environment("production").variables) == (8, {})
    assert [(found.file.origin, found.number) for found in jobs.applied()] == [
        ("ci.yml", 1),
        ("headgate.yml", 3),
    ]
    with pytest.raises(ConflictError, match=r"'plain' belongs to ci\.yml"):
        jobs.apply(JobsFile((), (plain,), (), "headgate.yml"))
    jobs.apply(JobsFile((), (replace(finance, owner=""),), (), "headgate.yml"), after={"headgate.yml": 3})
    assert jobs.jobs() == [replace(finance, owner=""), plain]
    assert [rule.match for rule in jobs.alert_rules()] == [{"tag": "ci"}]
    left = list(table.query("#listing_pk = :kind", index="listing", kind="job"))
    assert left == [], "what nothing reads any more is gone"
    with pytest.raises(NotFoundError):
        jobs.environment("production")


def _shape(name: str, value: Any) -> Any:
    """A type with exactly the fields of this JSON value."""
    if isinstance(value, dict):
        return msgspec.defstruct(name, [(key, _shape(key, member)) for key, member in value.items()])
    if isinstance(value, list):
        return list[_shape(name, value[0])] if value else list[Any]  # type: ignore[misc]
    return float if isinstance(value, int | float) and not isinstance(value, bool) else type(value)
