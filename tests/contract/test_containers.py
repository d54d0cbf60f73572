"""Containers: which runners there are by the cluster's own account, and that they can be stopped."""

from datetime import UTC, datetime
from math import inf
from typing import Any

import pytest
from botocore.exceptions import ClientError

from headgate.adapters.aws.ecs_containers import EcsContainers
from headgate.adapters.memory import MemoryContainers
from headgate.domain.execution import Container
from headgate.errors import HeadgateError
from tests.contract.conftest import client

MADE = datetime(2026, 1, 1, 6, tzinfo=UTC)
NUMBERS = {"HEADGATE_RUN_ID": "12", "HEADGATE_STEP": "1", "HEADGATE_RUNNER": "2"}


class Cluster:
    """A cluster on moto in which a test starts what the state machine would start."""

    def __init__(self) -> None:
        self.arn = client("ecs").create_cluster(clusterName="runners")["cluster"]["clusterArn"]
        subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
        self._network = {"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": []}}
        client("ecs").register_task_definition(
            family="runner",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="256",
            memory="512",
            containerDefinitions=[{"name": "runner", "image": "runner", "cpu": 256, "memory": 512}],
        )
        self.containers = EcsContainers(client("ecs"), self.arn)

    def start(self, environment: dict[str, str]) -> str:
        pairs = [{"name": name, "value": value} for name, value in environment.items()]
        answer = client("ecs").run_task(
            cluster=self.arn,
            taskDefinition="runner",
            launchType="FARGATE",
            networkConfiguration=self._network,
            overrides={"containerOverrides": [{"name": "runner", "environment": pairs}]},
        )
        return str(answer["tasks"][0]["taskArn"])


class MemoryCluster:
    def __init__(self) -> None:
        self.containers = MemoryContainers()

    def start(self, environment: dict[str, str]) -> str:
        arn = f"arn:{len(self.containers.started)}"
        run_id, step, runner = (int(environment[name]) for name in NUMBERS)
        self.containers.started[arn] = Container(arn, run_id, step, runner, 0.0, "PENDING")
        return arn


@pytest.fixture
def moto_cluster(aws: None) -> Cluster:
    return Cluster()


@pytest.fixture(params=["memory", "aws"])
def cluster(request: pytest.FixtureRequest) -> Any:
    return MemoryCluster() if request.param == "memory" else request.getfixturevalue("moto_cluster")


def test_a_runner_is_known_by_its_numbers(cluster: Any) -> None:
    assert cluster.containers.running() == []
    arn = cluster.start(NUMBERS)
    (found,) = cluster.containers.running()
    assert (found.arn, found.run_id, found.step, found.runner) == (arn, 12, 1, 2)


def test_what_was_stopped_is_no_longer_there(cluster: Any) -> None:
    first, second = cluster.start(NUMBERS), cluster.start({**NUMBERS, "HEADGATE_RUNNER": "3"})
    cluster.containers.stop(first, "no lease")
    cluster.containers.stop(first, "again")
    assert [found.arn for found in cluster.containers.running()] == [second]


def test_what_is_forgotten_can_be_stopped_as_well(
    moto_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    MemoryContainers().stop("arn:gone", "no lease")

    def refuse(message: str) -> None:
        error = {"Code": "InvalidParameterException", "Message": message}
        raise ClientError({"Error": error}, "StopTask")  # type: ignore[arg-type]

    monkeypatch.setattr(client("ecs"), "stop_task", lambda **_: refuse("The referenced task was not found."))
    moto_cluster.containers.stop("arn:gone", "no lease")
    monkeypatch.setattr(client("ecs"), "stop_task", lambda **_: refuse("Reason is not valid."))
    with pytest.raises(HeadgateError, match="Reason"):
        moto_cluster.containers.stop("arn:gone", "no lease")


def test_more_than_a_hundred_are_found(moto_cluster: Cluster) -> None:
    for number in range(103):
        moto_cluster.start({**NUMBERS, "HEADGATE_RUNNER": str(number)})
    assert {found.runner for found in moto_cluster.containers.running()} == set(range(103))


@pytest.mark.parametrize(
    "environment", [{}, {"HEADGATE_RUN_ID": "12", "HEADGATE_STEP": "1"}, {**NUMBERS, "HEADGATE_RUNNER": "x"}]
)
def test_what_is_no_runner_is_left_out(moto_cluster: Cluster, environment: dict[str, str]) -> None:
    moto_cluster.start(environment)
    assert moto_cluster.containers.running() == []


@pytest.mark.parametrize(("known", "created_at"), [({"createdAt": MADE}, MADE.timestamp()), ({}, inf)])
def test_a_container_says_when_it_was_made_and_how_it_is(
    moto_cluster: Cluster, monkeypatch: pytest.MonkeyPatch, known: dict[str, Any], created_at: float
) -> None:
    """moto knows neither times nor containers on their way."""
    ecs = client("ecs")
    arn = moto_cluster.start(NUMBERS)
    (task,) = ecs.describe_tasks(cluster=moto_cluster.arn, tasks=[arn])["tasks"]
    waiting = {"tasks": [{**task, "lastStatus": "PENDING", **known}], "failures": []}
    monkeypatch.setattr(ecs, "describe_tasks", lambda **_: waiting)
    assert moto_cluster.containers.running() == [Container(arn, 12, 1, 2, created_at, "PENDING")]
