"""GateStore: an arrival counts once, a change holds for what was read, and a state never outgrows its record."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest

from headgate.domain.gate_state import Arrival, GateState, begun, emptied, ended, with_arrival
from headgate.domain.run import Cause
from tests.contract.conftest import MotoStage

DAY = 86_400


def arrival(event: str, awaited: str = "fivetran/stripe", at: float = 1000.5, detail: str = "") -> Arrival:
    cause = Cause("fivetran", event, detail or f"connector stripe, sync {event}", ("stripe", "abc"))
    return Arrival((awaited,), cause, at, at + 1)


def test_a_gate_at_which_nothing_arrived_has_an_empty_state(world: Any) -> None:
    assert world.gates.state("finance", "fivetran") == GateState("finance", "fivetran")
    assert world.gates.open_states() == []


def test_what_arrives_is_remembered_as_it_was(world: Any) -> None:
    first = arrival("e/1")
    state, new = world.gates.arrive("finance", "fivetran", first)
    assert new
    assert state.arrivals == (first,)
    assert world.gates.state("finance", "fivetran") == state
    assert world.gates.open_states() == [state]


def test_an_arrival_counts_once_for_its_job_and_gate(world: Any) -> None:
    for job, gate in (("finance", "fivetran"), ("finance", "gate"), ("other", "fivetran")):
        assert world.gates.arrive(job, gate, arrival("e"))[1]
        state, new = world.gates.arrive(job, gate, replace(arrival("e"), heard_at=9999.0))
        assert not new
        assert len(state.arrivals) == 1
        assert state == world.gates.state(job, gate)


def test_it_counts_once_also_after_the_gate_has_opened(world: Any) -> None:
    gates = world.gates
    state, _ = gates.arrive("finance", "fivetran", arrival("e"))
    assert gates.replace(begun(state, "1 of 1: stripe", 1000.0))
    opening = gates.state("finance", "fivetran")
    assert opening.opening.also == (arrival("e").cause,)
    assert gates.open_states() == [opening]
    assert gates.replace(ended(opening))
    assert gates.open_states() == []
    assert not gates.arrive("finance", "fivetran", arrival("e"))[1]
    assert gates.state("finance", "fivetran").arrivals == ()
    assert gates.state("finance", "fivetran").generation == 1


def test_a_change_of_what_has_changed_is_refused(world: Any) -> None:
    gates = world.gates
    seen, _ = gates.arrive("finance", "fivetran", arrival("1"))
    gates.arrive("finance", "fivetran", arrival("2", at=2000.0))
    assert not gates.replace(begun(seen, "1 of 1: stripe", 1000.0))
    assert [one.event_id for one in gates.state("finance", "fivetran").arrivals] == ["1", "2"]
    never_stored = GateState("finance", "fivetran")
    assert not gates.replace(never_stored)


def test_of_many_who_open_a_gate_one_does(world: Any) -> None:
    gates = world.gates
    seen, _ = gates.arrive("finance", "fivetran", arrival("1"))
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda at: gates.replace(begun(seen, "1 of 1", float(at))), range(4)))
    assert sorted(done) == [False, False, False, True]


def test_what_arrives_at_the_same_moment_is_not_lost(world: Any) -> None:
    def arrive(number: int) -> bool:
        found: bool = world.gates.arrive("finance", "fivetran", arrival(f"e{number // 2}", at=float(number)))[
            1
        ]
        return found

    with ThreadPoolExecutor(4) as pool:
        new = list(pool.map(arrive, range(24)))
    assert sum(new) == 12
    found = world.gates.state("finance", "fivetran").arrivals
    assert {one.event_id for one in found} == {f"e{number}" for number in range(12)}


def test_an_arrival_moves_to_another_gate_of_its_job_and_back(world: Any) -> None:
    gates = world.gates
    gates.arrive("finance", "a", arrival("1"))
    state, _ = gates.arrive("finance", "a", arrival("2", at=2000.0))
    left = gates.move(state, arrival("1"), "b")
    assert left == gates.state("finance", "a")
    assert [one.event_id for one in left.arrivals] == ["2"]
    there = gates.state("finance", "b")
    assert there.arrivals == (arrival("1"),)
    assert not gates.arrive("finance", "b", arrival("1"))[1], "known there"
    assert gates.move(state, arrival("2", at=2000.0), "b") is None, "it has changed since"
    assert gates.move(there, arrival("1"), "a") == gates.state("finance", "b")
    assert [one.event_id for one in gates.state("finance", "a").arrivals] == ["1", "2"]
    assert gates.state("finance", "b").arrivals == ()


def test_what_came_to_both_gates_counts_once(world: Any) -> None:
    world.gates.arrive("finance", "b", arrival("1"))
    state, _ = world.gates.arrive("finance", "a", arrival("1"))
    assert world.gates.move(state, arrival("1"), "b").arrivals == ()
    assert world.gates.state("finance", "b").arrivals == (arrival("1"),)


def test_a_gate_with_a_deadline_is_looked_at_while_nothing_has_arrived(world: Any) -> None:
    assert world.gates.replace(replace(GateState("finance", "gate"), deadline="07:00 UTC", since=1.0))
    [state] = world.gates.open_states()
    assert (state.deadline, state.since) == ("07:00 UTC", 1.0)


def test_an_emptied_gate_keeps_its_number(world: Any) -> None:
    gates = world.gates
    state, _ = gates.arrive("finance", "fivetran", arrival("1"))
    assert gates.replace(ended(replace(begun(state, "1 of 1", 5.0), deadline="07:00 UTC")))
    assert gates.replace(emptied(gates.state("finance", "fivetran")))
    assert gates.open_states() == []
    state, _ = gates.arrive("finance", "fivetran", arrival("2"))
    assert begun(state, "1 of 1", 6.0).opening.cause.key == "gate/fivetran/2"


def test_however_much_arrives_the_record_stays_small(moto: MotoStage) -> None:
    gates, long = moto.world.gates, "ä" * 400
    state = GateState("finance", "fivetran")
    for number in range(400):
        changed = arrival(f"{long}{number}", at=float(number), detail="x" * 5000)
        state = with_arrival(state, changed)
    assert gates.replace(begun(state, "1 of 2: stripe", 1.0))
    for number in range(3):
        gates.arrive("finance", "fivetran", arrival(f"{long}late{number}", at=float(number)))
    items = boto3.client("dynamodb").scan(TableName="headgate-table")["Items"]
    assert max(len(str(item).encode()) for item in items) < 100_000
    opening = gates.state("finance", "fivetran").opening
    assert len(opening.arrivals) + sum(one.number for one in opening.counted) == 400
    assert opening.also[-1].connectors == ("abc", "stripe")


@pytest.mark.parametrize("event", ["e/1", "e" * 3000, "ü" * 600])
def test_an_arrival_is_known_for_longer_than_its_event_is_kept(moto: MotoStage, event: str) -> None:
    assert moto.world.gates.arrive("finance", "fivetran", arrival(event))[1]
    assert not moto.world.gates.arrive("finance", "fivetran", arrival(event))[1]
    items = boto3.client("dynamodb").scan(TableName="headgate-table")["Items"]
    [known] = [item for item in items if "#event#" in item["sk"]["S"]]
    assert int(known["expires_at"]["N"]) == int(moto.clock.now()) + 30 * DAY
    assert len(known["sk"]["S"].encode()) <= 1024
