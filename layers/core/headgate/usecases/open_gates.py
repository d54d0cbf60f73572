"""Once a minute: gates that open by the clock, openings that nobody finished, and gates that are not there any more.

A gate waits for quiet, or opens anyway at a local time; neither is an event. Nothing is read of gates at which nothing
is to be done but what the index of open ones says.
"""

from typing import Protocol

from headgate.domain.gate import Gate
from headgate.domain.gate_rule import Open, decide, key_of, passed_over, watched
from headgate.domain.gate_state import Arrival, GateState, emptied
from headgate.domain.job import Job
from headgate.domain.job_off import why_off
from headgate.domain.run import Run
from headgate.ports import Activities
from headgate.usecases.one_by_one import one_by_one
from headgate.usecases.open_gate import OpeningPorts, finish_opening, open_gate, start_for


class LookingPorts(OpeningPorts, Protocol):
    """What the look needs of a world."""

    @property
    def activities(self) -> Activities: ...


def open_gates(ports: LookingPorts) -> list[Run]:
    """The runs of the gates that it opened, or whose opening it finished. Safe to repeat, beside anybody.

    One bad gate does not hold up the others; the last failure is raised at the end.
    """
    # In this order: whatever arrived at a gate by then, its job was applied before.
    states = {(state.job, state.gate): state for state in ports.gates.open_states()}
    jobs = {job.name: job for job in ports.jobs.jobs()}
    gates = {(job.name, gate.name): (job, gate) for job in jobs.values() for gate in job.gates}
    at_clock = [key for key, (_, gate) in gates.items() if gate.else_at]
    looks = [states.get(key, GateState(*key)) for key in dict.fromkeys((*states, *at_clock))]

    def look(state: GateState) -> list[Run]:
        if (state.job, state.gate) not in gates:
            return _move(jobs.get(state.job), state, ports)
        return _look(*gates[state.job, state.gate], state, ports)

    return one_by_one(looks, look)


def _look(job: Job, gate: Gate, seen: GateState, ports: LookingPorts) -> list[Run]:
    now = ports.clock.now()
    if watched(gate, seen, now) != seen:
        seen = _watch(gate, ports.gates.state(job.name, gate.name), now, ports)
    if seen.opening is None:
        if not isinstance(decide(gate, seen, now), Open):
            # A gate that has become immediate opens with what it still awaits; it gathers nothing else any more.
            return _move(job, seen, ports) if gate.is_immediate else []
        if why_off(job, ports.activities.activity(job.name)):
            return _pass_over(job, gate, now, ports)
    return list(open_gate(job, gate, ports).runs)


def _watch(gate: Gate, state: GateState, now: float, ports: LookingPorts) -> GateState:
    seen = watched(gate, state, now)
    if seen != state:
        ports.gates.replace(seen)
    return ports.gates.state(state.job, state.gate)


def _pass_over(job: Job, gate: Gate, now: float, ports: LookingPorts) -> list[Run]:
    """Nobody wants runs of the job: a deadline that comes meanwhile is not made up for later. What arrived stays."""
    state = ports.gates.state(job.name, gate.name)
    passed = passed_over(gate, state, now)
    if passed != state:
        ports.gates.replace(passed)
    return []


def _move(job: Job | None, state: GateState, ports: LookingPorts) -> list[Run]:
    """What waits at a gate that is gone goes to the gates that wait for it now; the rest is let go, and says so."""
    state = ports.gates.state(state.job, state.gate)
    runs: list[Run] = []
    while job is not None and state.opening is not None:
        runs.append(finish_opening(job, state, state.opening, ports))
        state = ports.gates.state(state.job, state.gate)
    opening = state.opening.arrivals if state.opening is not None else ()
    gates: dict[str, Gate] = {}
    for arrival in (*opening, *state.arrivals):
        gate = _now_at(job, arrival) if job is not None else None
        if job is None or gate is None:
            ports.events.note(arrival.event_id, state.job, "the job does not wait for it any more")
        elif gate.is_immediate:
            runs.append(start_for(job, arrival.cause, arrival.event_id, ports))
        else:
            gates[gate.name] = gate
            left = ports.gates.move(state, arrival, gate.name)
            if left is None:
                return runs  # more arrives at one of them: the next look goes on
            state = left
    ports.gates.replace(emptied(state))
    return runs + [run for gate in gates.values() if job for run in open_gate(job, gate, ports).runs]


def _now_at(job: Job, arrival: Arrival) -> Gate | None:
    """The gate of the job that waits for it."""
    known = set(arrival.awaited)
    return next((gate for gate in job.gates if known & {key_of(one) for one in gate.awaits}), None)
