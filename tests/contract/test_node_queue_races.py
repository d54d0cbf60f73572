"""NodeQueue under races, and the two sides of the port step by step beside each other."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.adapters.memory import MemoryNodeQueue
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import NodeState
from headgate.domain.results import NodeStatus
from headgate.ports import NodeQueue
from tests.contract.conftest import MotoStage
from tests.plans import plan_of, result_of, write

STEP = (7, 1)
THREADS = 6
PARENTS = {"a": (), "b": (), "c": (), "d": ("a", "b", "c"), "e": ("d",)}
IDS = (OPENING, *PARENTS, CLOSING, "nobody")
SLOWLY = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def at_once(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(THREADS) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


@pytest.fixture
def queue(world: Any) -> NodeQueue:
    write(world.queue, plan_of(PARENTS))
    return world.queue  # type: ignore[no-any-return]


def test_of_many_runners_that_claim_at_once_one_wins(queue: NodeQueue) -> None:
    def claim(runner: int) -> Callable[[], Any]:
        return lambda: queue.claim(*STEP, OPENING, runner=runner, epoch=1, at="now")

    for _ in range(5):
        won = [record for record in at_once([claim(runner) for runner in range(THREADS)]) if record]
        assert len(won) == 1
        (record,) = [record for record in queue.nodes(*STEP) if record.unique_id == OPENING]
        assert record == won[0]
        assert queue.hand_back(*STEP, OPENING, runner=record.runner or 0, epoch=1)


def test_of_a_finish_and_a_takeover_at_once_one_wins(queue: NodeQueue) -> None:
    for _ in range(5):
        queue.claim(*STEP, OPENING, runner=1, epoch=1, at="now")
        finished, handed_back = at_once(
            [
                lambda: queue.finish(*STEP, OPENING, None, runner=1, epoch=1, at="now"),
                lambda: queue.hand_back(*STEP, OPENING, runner=1, epoch=1),
            ]
        )
        assert finished != handed_back
        if finished:
            return


def test_of_many_releases_at_once_exactly_one_makes_the_node_ready(queue: NodeQueue) -> None:
    releases = [lambda p=p: queue.release(*STEP, "d", p, skip=p == 2) for p in (1, 2, 3, 3, 2, 1)]
    assert sum(at_once(releases)) == 1
    (record,) = [record for record in queue.nodes(*STEP) if record.unique_id == "d"]
    assert (record.state, record.skip, record.waits) == (NodeState.READY, True, frozenset())


def test_of_many_runners_that_close_at_once_one_makes_ready_and_one_claims(queue: NodeQueue) -> None:
    assert sum(at_once([lambda: queue.make_ready(*STEP, CLOSING)] * THREADS)) == 1
    claims = [lambda r=r: queue.claim(*STEP, CLOSING, runner=r, epoch=1, at="now") for r in range(THREADS)]
    assert sum(record is not None for record in at_once(claims)) == 1


def test_leases_taken_at_once_have_epochs_of_their_own(queue: NodeQueue) -> None:
    epochs = at_once([lambda: queue.take_lease(*STEP, 1, 100.0)] * THREADS)
    assert sorted(epochs) == list(range(1, THREADS + 1))
    (seen,) = queue.runners(*STEP)
    assert sum(at_once([lambda: queue.expire_lease(*STEP, seen)] * THREADS)) == 1


def test_of_many_reasons_to_halt_at_once_one_stays(queue: NodeQueue) -> None:
    reasons = [f"reason {number}" for number in range(THREADS)]
    halted = at_once([lambda r=r: queue.halt(*STEP, r) for r in reasons])
    step = queue.step(*STEP)
    assert step is not None
    assert [step.halted] == [reason for reason, won in zip(reasons, halted, strict=True) if won]


runners, epochs, ids = st.integers(1, 2), st.integers(1, 2), st.sampled_from(IDS)
owners = st.fixed_dictionaries({"runner": runners, "epoch": epochs})
statuses = st.sampled_from([NodeStatus.SUCCESS, NodeStatus.ERROR, NodeStatus.SKIPPED])
waiting_sets = st.frozensets(st.integers(0, len(PARENTS)), max_size=3)
changes = st.one_of(
    st.tuples(st.just("claim"), ids, owners),
    st.tuples(st.just("finish"), ids, owners, statuses),
    st.tuples(
        st.just("release"),
        ids,
        st.integers(-1, len(PARENTS)),
        st.fixed_dictionaries({"skip": st.booleans(), "sole": st.booleans()}),
    ),
    st.tuples(st.just("hand_back"), ids, owners, st.booleans()),
    st.tuples(st.just("correct"), ids, waiting_sets, waiting_sets.filter(bool), st.booleans()),
    st.tuples(st.just("make_ready"), ids),
    st.tuples(st.just("record"), st.sampled_from(["a", "operation.x"]), runners, statuses),
    st.tuples(st.just("take_lease"), runners),
    st.tuples(st.just("renew_lease"), runners, epochs),
    st.tuples(st.just("end_lease"), runners, epochs),
    st.tuples(st.just("expire_lease"), runners),
    st.tuples(st.just("halt")),
    st.tuples(st.just("fail_fast"), ids),
)


def apply(queue: NodeQueue, run: int, change: tuple[Any, ...]) -> Any:
    verb, *rest = change
    match verb, rest:
        case "claim", [node, owner]:
            return queue.claim(run, 1, node, **owner, at="then")
        case "finish", [node, owner, status]:
            result = result_of(node, status, runner=owner["runner"])
            return queue.finish(run, 1, node, result, **owner, at="later")
        case "release", [node, parent, how]:
            return queue.release(run, 1, node, parent, **how)
        case "hand_back", [node, owner, uncertain]:
            return queue.hand_back(run, 1, node, **owner, uncertain=uncertain)
        case "correct", [node, seen, waits, skip]:
            return queue.correct(run, 1, node, seen=seen, waits=waits, skip=skip)
        case "make_ready", [node]:
            return queue.make_ready(run, 1, node)
        case "record", [node, runner, status]:
            return queue.record(run, 1, result_of(node, status, runner=runner), "then")
        case "take_lease", [runner]:
            return queue.take_lease(run, 1, runner, 10.5)
        case "renew_lease", [runner, epoch]:
            return queue.renew_lease(run, 1, runner, epoch, 20.25)
        case "end_lease", [runner, epoch]:
            return queue.end_lease(run, 1, runner, epoch, "why" if epoch > 1 else None)
        case "expire_lease", [runner]:
            seen = [record for record in queue.runners(run, 1) if record.runner == runner]
            return seen and queue.expire_lease(run, 1, seen[0])
        case "fail_fast", [node]:
            return queue.fail_fast(run, 1, node)
        case "halt", []:
            return queue.halt(run, 1, "stop")
    raise AssertionError(change)


def most_urgent_first(queue: NodeQueue, run: int) -> list[Any]:
    """What is open, in order; a node that was made to wait again stands anywhere behind those that are ready."""
    found = queue.open_nodes(run, 1)
    waiting = [node for node in found if node[1] is NodeState.WAITING]
    assert found[len(found) - len(waiting) :] == waiting
    return found[: len(found) - len(waiting)] + sorted(waiting)


def everything(queue: NodeQueue, run: int) -> tuple[Any, ...]:
    return (
        queue.nodes(run, 1),
        queue.results(run, 1),
        queue.runners(run, 1),
        queue.step(run, 1),
        most_urgent_first(queue, run),
        sorted(queue.open_nodes(run, 1, consistent=True)),
    )


run_ids = count(100)


@SLOWLY
@given(script=st.lists(changes, max_size=40))
def test_both_sides_answer_every_script_alike(moto: MotoStage, script: list[tuple[Any, ...]]) -> None:
    run = next(run_ids)
    table, memory = moto.world.queue, MemoryNodeQueue()
    for queue in (table, memory):
        write(queue, plan_of(PARENTS, run_id=run))
    for change in script:
        assert apply(table, run, change) == apply(memory, run, change), change
    assert everything(table, run) == everything(memory, run)


def ended(queue: NodeQueue, run: int) -> list[tuple[Any, ...]]:
    return [(node.unique_id, node.state, node.skip, node.waits, node.claims) for node in queue.nodes(run, 1)]


@SLOWLY
@given(data=st.data(), failed=st.sets(st.sampled_from(["a", "b", "c"])))
def test_in_any_order_and_number_releases_end_the_same(
    moto: MotoStage, data: st.DataObject, failed: set[str]
) -> None:
    """Parents finish in any order; every release of theirs comes once or more, any time after, in any order."""
    run = next(run_ids)
    table, memory = moto.world.queue, MemoryNodeQueue()
    releases = [
        ("release", "d", at, {"skip": name in failed, "sole": False}) for at, name in enumerate("abc", 1)
    ]
    repeated = data.draw(
        st.permutations(releases + data.draw(st.lists(st.sampled_from(releases), max_size=4)))
    )
    for queue in (table, memory):
        write(queue, plan_of(PARENTS, run_id=run))
        for position, node in enumerate("abc", 1):
            queue.release(run, 1, node, 0, skip=False)
            queue.claim(run, 1, node, runner=1, epoch=1, at="then")
            status = NodeStatus.ERROR if node in failed else NodeStatus.SUCCESS
            assert queue.finish(run, 1, node, result_of(node, status), runner=1, epoch=1, at="later"), (
                position
            )
        assert sum(apply(queue, run, release) for release in repeated) == 1
        (child,) = [node for node in queue.nodes(run, 1) if node.unique_id == "d"]
        assert (child.state, child.skip) == (NodeState.READY, bool(failed))
    assert ended(table, run) == ended(memory, run)
