"""What only DynamoDB can do to us: lost answers, throttling, items that are too large, planners that come back."""

import random
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from headgate.adapters.aws.dynamodb_node_queue import DynamoDBNodeQueue
from headgate.adapters.aws.node_items import urgency
from headgate.adapters.aws.table import Table, from_item, putting, to_item
from headgate.domain.job import Job
from headgate.domain.plan import OPENING
from headgate.domain.queue import MAX_PRIORITY, NodeState, initial_records
from headgate.domain.results import NodeStatus
from headgate.domain.run import Cause
from headgate.errors import ConflictError, HeadgateError, NotFoundError, UnavailableError
from tests.contract.conftest import MotoStage
from tests.plans import plan_of, result_of, step_of, write

STEP = (7, 1)
TABLE = "headgate-table"


class Resending:
    """A client whose answers get lost: like boto3 after a timeout, it sends every write a second time."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name != "update_item":
            return call

        def twice(**request: Any) -> Any:
            call(**request)
            return call(**request)

        return twice


class Failing:
    """A client that raises these one after the other, then works."""

    def __init__(self, client: Any, *faults: Exception) -> None:
        self._client, self._faults = client, list(faults)
        self.requests: list[str] = []

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)

        def may_fail(**request: Any) -> Any:
            self.requests.append(name)
            if self._faults:
                raise self._faults.pop(0)
            return call(**request)

        return may_fail


def refused(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        "CancellationReasons": [{"Code": reason} for reason in reasons],
    }
    return ClientError(response, "UpdateItem")


def test_a_claim_whose_answer_was_lost_is_still_a_claim(moto: MotoStage) -> None:
    write(moto.world.queue, plan_of())
    queue = DynamoDBNodeQueue(Resending(boto3.client("dynamodb")), TABLE, moto.clock)  # type: ignore[arg-type]
    taken = queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now")
    assert taken is not None
    assert (taken.state, taken.claims) == (NodeState.RUNNING, 1)
    assert queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now") is None


def test_a_finish_whose_answer_was_lost_is_still_a_finish(moto: MotoStage) -> None:
    write(moto.world.queue, plan_of())
    queue = DynamoDBNodeQueue(Resending(boto3.client("dynamodb")), TABLE, moto.clock)  # type: ignore[arg-type]
    queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now")
    assert queue.finish(*STEP, OPENING, None, runner=1, epoch=1, at="now")


def test_a_release_interrupted_between_its_writes_is_completed_by_the_next(moto: MotoStage) -> None:
    write(moto.world.queue, plan_of())
    moto.world.queue.release(*STEP, "d", 2, skip=False)
    update = Table.update

    def die_before_the_second(self: Table, pk: str, sk: str, change: str, *rest: Any, **values: Any) -> Any:
        if "DELETE" not in change:
            raise ConnectionAbortedError
        return update(self, pk, sk, change, *rest, **values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Table, "update", die_before_the_second)
        with pytest.raises(ConnectionAbortedError):
            moto.world.queue.release(*STEP, "d", 3, skip=True)
    (record,) = [record for record in moto.world.queue.nodes(*STEP) if record.unique_id == "d"]
    assert (record.state, record.waits) == (NodeState.WAITING, frozenset())
    assert moto.world.queue.release(*STEP, "d", 3, skip=True)
    assert not moto.world.queue.release(*STEP, "d", 2, skip=False)


@pytest.mark.parametrize(("node", "parent", "requests"), [("b", 1, 1), ("d", 2, 1)])
def test_most_releases_are_one_request(moto: MotoStage, node: str, parent: int, requests: int) -> None:
    write(moto.world.queue, plan_of())
    client = Failing(boto3.client("dynamodb"))
    DynamoDBNodeQueue(client, TABLE, moto.clock).release(*STEP, node, parent, skip=False, sole=node == "b")  # type: ignore[arg-type]
    assert len(client.requests) == requests


def test_a_planner_that_died_half_way_is_followed_by_one_that_completes_it(moto: MotoStage) -> None:
    plan = plan_of({f"n{number:03d}": () for number in range(150)})
    queue = moto.world.queue
    queue.write(step_of(plan), initial_records(plan)[:40])
    boto3.client("dynamodb").delete_item(
        TableName=TABLE, Key=to_item({"pk": "run#000000000007", "sk": "step#01"})
    )
    assert queue.step(*STEP) is None
    write(queue, plan)
    assert len(queue.nodes(*STEP)) == 152


def test_a_planner_thought_dead_cannot_undo_a_claim(moto: MotoStage) -> None:
    plan = write(moto.world.queue, plan_of())
    late = DynamoDBNodeQueue(boto3.client("dynamodb"), TABLE, moto.clock)
    moto.world.queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now")
    # It looked before the other one had written the step, and goes on now.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(late, "step", lambda *_: None)
        late.write(step_of(plan), initial_records(plan))
    assert moto.world.queue.nodes(*STEP)[0].state is NodeState.RUNNING


def test_a_cause_that_was_looked_for_too_early_still_makes_no_second_run(
    moto: MotoStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, cause, runs = Job("finance", "production", ()), Cause("fivetran", "sync"), moto.world.runs
    first, _ = runs.create_run(job, "d", cause)
    look, looks = runs.run_of, [None]

    def too_early(*asked: Any) -> Any:
        return looks.pop() if looks else look(*asked)

    monkeypatch.setattr(runs, "run_of", too_early)
    assert runs.create_run(job, "d", cause) == (first, False)
    assert runs.list_runs() == runs.active_runs() == [first]


def test_compiled_code_too_large_for_an_item_is_left_out_and_says_so(moto: MotoStage) -> None:
    queue = moto.world.queue
    write(queue, plan_of())
    noise = random.Random(1).randbytes(600_000).hex()
    queue.release(*STEP, "a", 0, skip=False)
    queue.claim(*STEP, "a", runner=1, epoch=1, at="now")
    large = result_of(
        "a", NodeStatus.ERROR, message="relation x", compiled_code=noise, adapter_response={"a": 1}
    )
    assert queue.finish(*STEP, "a", large, runner=1, epoch=1, at="now")
    (kept,) = queue.results(*STEP)
    assert kept.entry == {**large.entry, "compiled_code": None, "compiled_code_omitted": True}
    queue.record(*STEP, result_of("operation.x", message=noise), "now")
    assert queue.results(*STEP)[1].message == noise[:2000]


def test_urgency_sorts_as_text_what_is_most_urgent_first() -> None:
    priorities = [0.0, 0.001, 0.5, 1.0, 9.99, 10.0, 3600.25, 10**8, float(MAX_PRIORITY), 10.0**12]
    texts = [urgency(priority) for priority in priorities]
    assert sorted(texts, reverse=True) == texts
    assert len({len(text) for text in texts}) == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refused("ProvisionedThroughputExceededException"), UnavailableError),
        (refused("ThrottlingException"), UnavailableError),
        (refused("InternalServerError", 500), UnavailableError),
        (refused("Whatever", 503), UnavailableError),
        (refused("TransactionConflictException"), UnavailableError),
        (ConnectTimeoutError(endpoint_url="http://127.0.0.1"), UnavailableError),
        (refused("ResourceNotFoundException"), NotFoundError),
        (refused("ConditionalCheckFailedException"), ConflictError),
        (refused("AccessDeniedException"), HeadgateError),
        (refused("ValidationException"), HeadgateError),
    ],
)
def test_botocores_errors_come_in_our_words(
    moto: MotoStage, fault: Exception, expected: type[Exception]
) -> None:
    table = Table(Failing(boto3.client("dynamodb"), fault), TABLE)  # type: ignore[arg-type]
    with pytest.raises(HeadgateError) as caught:
        table.get("pk", "sk")
    assert type(caught.value) is expected
    assert caught.value.__cause__ is fault


@pytest.mark.parametrize(
    "reason", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"]
)
def test_a_transaction_that_met_another_or_a_full_partition_tries_again(moto: MotoStage, reason: str) -> None:
    met = refused("TransactionCanceledException", reasons=("None", reason))
    client = Failing(boto3.client("dynamodb"), met, met)
    table = Table(client, TABLE)  # type: ignore[arg-type]
    table.transact([putting({"pk": "a", "sk": "a", "value": 1.5})])
    assert table.get("a", "a") == {"pk": "a", "sk": "a", "value": 1.5}
    assert client.requests.count("transact_write_items") == 3


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        (("None", "ConditionalCheckFailed"), ConflictError),
        (("TransactionConflict", "ConditionalCheckFailed"), ConflictError),
        (("SomethingElse", "None"), UnavailableError),
        (("ValidationError", "None"), HeadgateError),
    ],
)
def test_a_cancelled_transaction_says_why(
    moto: MotoStage, reasons: tuple[str, ...], expected: type[Exception]
) -> None:
    fault = refused("TransactionCanceledException", reasons=reasons)
    client = Failing(boto3.client("dynamodb"), fault)
    with pytest.raises(HeadgateError) as caught:
        Table(client, TABLE).transact([putting({"pk": "a", "sk": "a"})])  # type: ignore[arg-type]
    assert type(caught.value) is expected
    assert len(client.requests) == 1


def test_what_a_batch_left_out_is_sent_again(moto: MotoStage, monkeypatch: pytest.MonkeyPatch) -> None:
    client = moto.world.history._table._client
    batch = client.batch_write_item

    def takes_one(RequestItems: Any) -> Any:  # noqa: N803 - boto3's name
        first, *rest = RequestItems[TABLE]
        batch(RequestItems={TABLE: [first]})
        return {"UnprocessedItems": {TABLE: rest} if rest else {}}

    monkeypatch.setattr(client, "batch_write_item", takes_one)
    moto.world.history.learn("production", {"a": 1.0, "b": 2.0, "c": 3.0})
    assert set(moto.world.history.predictions("production", "abc")) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "values",
    [
        {"whole": 3, "large": 2**53, "third": 1 / 3, "tiny": 1e-30, "minus": -0.1, "zero": 0},
        {
            "text": "größe 😀",
            "bytes": b"\x00\xff",
            "yes": True,
            "list": [1, 2.5, {"deep": [None]}],
            "set": {1, 2},
        },
        {"time": 1_767_225_720.654321},
    ],
)
def test_values_survive_the_notation(values: dict[str, Any]) -> None:
    assert from_item(to_item(values)) == values


def test_nothing_is_not_stored() -> None:
    assert to_item({"a": None, "b": 1}) == {"b": {"N": "1"}}
