"""A world in memory with one published project of four nodes, one job and one alert rule."""

import pytest

from headgate.adapters.memory import MemoryWorld
from headgate.domain.index import Index, Node
from headgate.domain.job import AlertRule, Environment, Job, JobsFile, RunnerSize
from headgate.domain.schedule import Schedule
from tests.builders import fivetran_gate

NO_VARS = "44136fa355b3678a"  # sha256 of `{}`, cut as Command.vars_digest cuts it


def model(name: str, *parents: str, **fields: object) -> Node:
    return Node(
        unique_id=f"model.shop.{name}",
        name=name,
        resource_type="model",
        package_name="shop",
        fqn=("shop", name),
        original_file_path=f"models/{name}.sql",
        materialized="table",
        depends_on=tuple(f"model.shop.{parent}" for parent in parents),
        **fields,  # type: ignore[arg-type]
    )


INDEX = Index(
    dbt_version="1.11.16",
    project_name="shop",
    nodes={
        node.unique_id: node
        for node in (
            model("raw"),
            model("left", "raw", tags=("finance",), owner="finance-data@example.com"),
            model("right", "raw"),
            model("joined", "left", "right"),
        )
    },
)
JOBS = JobsFile(
    environments=(Environment("production", "prod", "analytics", runners=RunnerSize(max=2)),),
    jobs=(
        Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe"),)),
        Job("two_steps", "production", ("dbt build --select raw", "dbt build --select left")),
        Job("nightly", "production", ("dbt build",), schedules=(Schedule("0 6 * * *", "Europe/Berlin"),)),
    ),
    alerts=(AlertRule({"tag": "finance", "severity": "error"}, (("slack", "#finance-data"),)),),
)


@pytest.fixture
def world() -> MemoryWorld:
    world = MemoryWorld()
    world.jobs.apply(JOBS)
    world.bundles._files["d" * 64, f"{NO_VARS}/index.msgpack"] = INDEX.encode()
    world.jobs.point_at("production", "d" * 64)
    world.secrets.values["webhooks/fivetran/default"] = {"secret": "s3cret"}
    return world
