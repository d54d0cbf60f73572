"""DynamoDB that throttles, cancels, and loses answers after the commit: whoever asks again ends where it would have."""

from random import Random
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from headgate.adapters.aws.dynamodb_leases import KEPT_SECONDS
from headgate.adapters.aws.dynamodb_node_queue import DynamoDBNodeQueue
from headgate.adapters.aws.dynamodb_slots import DynamoDBSlots
from headgate.adapters.aws.table import Table, from_item
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import Claim, NodeState, initial_records
from headgate.errors import UnavailableError
from headgate.usecases.run_nodes import Over, QueueSession
from tests.contract.conftest import MotoStage
from tests.faults import Interrupted, Unreliable
from tests.plans import plan_of, result_of, step_of, write

STEP = (7, 1)
TABLE = "headgate-table"
MANY = {f"model.shop.m{number:03d}": () for number in range(210)}


class Weather:
    """A client of which one request in ten fails before, and one in ten after, the service did it."""

    def __init__(self, client: Any, random: Random, share: float = 0.1) -> None:
        self._client, self._random, self._share = client, random, share
        self.faults = 0

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def may_fail(**request: Any) -> Any:
            if self._random.random() < self._share:
                self.faults += 1
                raise self._random.choice(BEFORE)(name)
            answer = call(**request)
            if self._random.random() < self._share:
                self.faults += 1
                raise ConnectionClosedError(endpoint_url="the table")
            return answer

        return may_fail


def throttled(request: str) -> ClientError:
    if request != "transact_write_items":
        return refused("ProvisionedThroughputExceededException", request)
    return refused("TransactionCanceledException", request, "None", "ThrottlingError")


def conflicted(request: str) -> ClientError:
    if request != "transact_write_items":
        return refused("TransactionConflictException", request)
    return refused("TransactionCanceledException", request, "TransactionConflict", "None")


def broken(request: str) -> ClientError:
    return refused("InternalServerError", request)


BEFORE = (throttled, conflicted, broken)


def refused(code: str, request: str, *reasons: str) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": 500 if code == "InternalServerError" else 400},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, request)


class Counting:
    """A client that counts its requests by name."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.requests: list[str] = []

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def counted(**request: Any) -> Any:
            self.requests.append(name)
            return call(**request)

        return counted


def queue_on(moto: MotoStage, client: Any) -> DynamoDBNodeQueue:
    return DynamoDBNodeQueue(client, TABLE, moto.clock)


def again(call: Any, *asked: Any, **named: Any) -> Any:
    while True:
        try:
            return call(*asked, **named)
        except UnavailableError:
            continue


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.adapters.aws.table._back_off", lambda _: None)


def turn(queue: Any) -> None:
    """Every kind of write once, by a caller that asks again."""
    owner = {"runner": 1, "epoch": 1, "at": "now"}
    again(queue.write, step_of(plan_of()), initial_records(plan_of()))
    again(queue.take_lease, *STEP, 1, 60.0, at=0.0)
    again(queue.renew_lease, *STEP, 1, 1, 90.0)
    for node in (OPENING, "a", "b", "c"):
        again(queue.claim, *STEP, node, **owner)
        result = None if node == OPENING else result_of(node)
        again(queue.finish, *STEP, node, result, **owner)
        for child in plan_of().children[node]:
            position = plan_of().positions[node]
            again(queue.release, *STEP, child, position, skip=False, sole=child != "d")
    again(queue.claim, *STEP, "d", **owner)
    again(queue.hand_back, *STEP, "d", runner=1, epoch=1, uncertain=True)
    again(queue.record, *STEP, result_of("operation.shop.hook"), "now")
    again(queue.make_ready, *STEP, CLOSING)
    again(queue.correct, *STEP, CLOSING, seen=frozenset(), waits=frozenset({-1}), skip=False)
    again(queue.fail_fast, *STEP, "b")
    again(queue.halt, *STEP, "enough")
    again(queue.end_lease, *STEP, 1, 1, "enough")


@pytest.mark.parametrize("seed", range(12))
def test_whoever_asks_again_ends_where_it_would_have(moto: MotoStage, seed: int) -> None:
    """A claim without an answer counts as one, and so may count twice; nothing else may differ."""
    weather = Weather(boto3.client("dynamodb"), Random(seed))
    turn(queue_on(moto, weather))
    found = [(n.unique_id, n.state, n.waits, n.skip, n.uncertain) for n in moto.world.queue.nodes(*STEP)]
    assert weather.faults
    ready, done, waiting = NodeState.READY, NodeState.DONE, NodeState.WAITING
    none = frozenset[int]()
    assert found[:4] == [(node, done, none, False, False) for node in (OPENING, "a", "b", "c")]
    assert found[4] in [("d", ready, none, False, uncertain) for uncertain in (True, False)]
    assert found[5] == (CLOSING, waiting, {-1}, False, False)
    step, (lease,) = moto.world.queue.step(*STEP), moto.world.queue.runners(*STEP)
    assert step is not None
    assert (step.failed_fast, step.halted, lease.ended) == ("b", "enough", True)
    assert len(moto.world.queue.results(*STEP)) == 4


@pytest.mark.parametrize("seed", range(6))
def test_a_step_on_a_table_that_fails_one_request_in_five_ends_with_each_node_done_once(
    moto: MotoStage, seed: int
) -> None:
    plan, random = plan_of({"a": (), "b": (), "c": ("a", "b"), "d": ("c",), "e": ("b",)}), Random(seed)
    write(moto.world.queue, plan)
    weather = Weather(boto3.client("dynamodb"), random)
    queue, slots = queue_on(moto, weather), DynamoDBSlots(weather, TABLE)  # type: ignore[arg-type]
    left = [QueueSession(queue, moto.clock, plan, runner, slots) for runner in (1, 2)]
    for session in left:
        again(session.begin)
    order = []
    for _ in range(2000):
        moto.clock.advance(0.5)
        for session in list(left):
            if session.until - moto.clock.now() < 30:
                again(session.renew)
            answer = again(session.next)
            if isinstance(answer, Over):
                left.remove(session)
            elif isinstance(answer, Claim):
                own = answer.unique_id in (OPENING, CLOSING)
                again(session.finish, answer.unique_id, None if own else result_of(answer.unique_id))
                order.append(answer.unique_id)
        if not left:
            break
    assert sorted(order) == sorted([OPENING, *"abcde", CLOSING])
    assert all(order.index(parent) < order.index(n.unique_id) for n in plan.nodes for parent in n.parents)
    assert weather.faults


@pytest.mark.parametrize("after", [False, True])
def test_a_planner_cut_off_in_a_chunk_is_followed_by_one_that_asks_for_little(
    moto: MotoStage, after: bool
) -> None:
    plan = plan_of(MANY)
    cut_off = Interrupted(boto3.client("dynamodb"), after=after)
    cut_off._first = False
    queue = queue_on(moto, cut_off)
    transact, seen = Table.transact, []

    def cut_the_third(self: Table, actions: Any) -> None:
        seen.append(actions)
        cut_off._first = len(seen) == 3
        transact(self, actions)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "transact", cut_the_third)
        patch.setattr("headgate.adapters.aws.dynamodb_node_queue._WRITERS", 1)
        with pytest.raises(UnavailableError):
            write(queue, plan)
    assert moto.world.queue.step(*STEP) is None
    counting = Counting(boto3.client("dynamodb"))
    write(queue_on(moto, counting), plan)
    assert len(moto.world.queue.nodes(*STEP)) == len(MANY) + 2
    assert len(counting.requests) <= 4
    assert "put_item" not in counting.requests


def test_two_planners_at_once_write_one_queue_in_few_requests(moto: MotoStage) -> None:
    plan, counting = plan_of(MANY), Counting(boto3.client("dynamodb"))
    late = queue_on(moto, counting)
    moto.world.queue.write(step_of(plan), initial_records(plan)[:150])
    moto.world.queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now")
    with pytest.MonkeyPatch.context() as patch:
        # It looked before the other one had written anything.
        patch.setattr(late, "step", lambda *_: None)
        patch.setattr(late, "_written", lambda *_: set())
        write(late, plan)
    nodes = moto.world.queue.nodes(*STEP)
    assert (len(nodes), nodes[0].state) == (len(MANY) + 2, NodeState.RUNNING)
    assert len(counting.requests) <= 16
    assert "put_item" not in counting.requests


def test_everything_of_a_step_leaves_the_table_after_400_days(moto: MotoStage) -> None:
    queue = moto.world.queue
    write(queue, plan_of(unit_tests={"a": ("unit_test.shop.a",)}))
    queue.take_lease(*STEP, 1, 60.0)
    queue.record(*STEP, result_of("operation.shop.hook"), "now")
    queue.record(*STEP, result_of("unit_test.shop.a"), "now")
    found = [from_item(item) for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]]
    assert len(found) == 6 + 1 + 1 + 1 + 1
    assert {item.get("expires_at") for item in found} == {int(moto.clock.now()) + KEPT_SECONDS}


def test_unreliable_ports_fail_before_and_after() -> None:
    """The other tests lean on it."""
    done: list[int] = []
    port = Unreliable(done, Random(1), 0.3)
    kept = 0
    for number in range(200):
        try:
            port.append(number)
        except UnavailableError:
            continue
        kept += 1
    assert kept < len(done) < 200
    assert port.faults == 200 - kept
