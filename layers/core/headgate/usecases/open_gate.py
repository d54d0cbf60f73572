"""Open one gate, if what arrived is enough: set it apart, make its run, put it away.

Each of the three may be the last thing that somebody does; whoever looks at the gate next goes on from there, and the
number in the run's cause keeps it one run.
"""

from dataclasses import dataclass
from typing import Protocol

from headgate.domain.gate import Gate
from headgate.domain.gate_rule import Open, Wait, decide
from headgate.domain.gate_state import GateState, Opening, begun, ended
from headgate.domain.job import Job
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import UnavailableError
from headgate.ports import Clock, EventBus, EventLog, GateStore, JobStore, RunStore
from headgate.usecases.start_job import start_job

_ROUNDS = 20


class OpeningPorts(Protocol):
    """What opening a gate needs of a world."""

    @property
    def jobs(self) -> JobStore: ...
    @property
    def runs(self) -> RunStore: ...
    @property
    def gates(self) -> GateStore: ...
    @property
    def events(self) -> EventLog: ...
    @property
    def bus(self) -> EventBus: ...
    @property
    def clock(self) -> Clock: ...


@dataclass(frozen=True, slots=True)
class Looked:
    """runs: of the openings made or finished. told: the events that led to them. wait: what the gate waits for now."""

    runs: tuple[Run, ...]
    told: frozenset[str]
    wait: Wait


def open_gate(job: Job, gate: Gate, ports: OpeningPorts) -> Looked:
    """Safe to repeat, beside anybody. Raises UnavailableError while it keeps changing."""
    runs: list[Run] = []
    told: set[str] = set()
    for _ in range(_ROUNDS):
        state = ports.gates.state(job.name, gate.name)
        if state.opening is not None:
            runs.append(finish_opening(job, state, state.opening, ports))
            told |= {arrival.event_id for arrival in state.opening.arrivals}
            continue
        decision = decide(gate, state, ports.clock.now())
        if isinstance(decision, Wait):
            return Looked(tuple(runs), frozenset(told), decision)
        _begin(state, decision, ports)
    raise UnavailableError(f"the gate {gate.name} of {job.name} keeps changing")


def _begin(state: GateState, decision: Open, ports: OpeningPorts) -> None:
    # Refused, somebody else was faster: the next look tells with what.
    ports.gates.replace(begun(state, decision.detail, decision.at))


def finish_opening(job: Job, state: GateState, opening: Opening, ports: OpeningPorts) -> Run:
    """The opening's run, made once; every event that led to it says so."""
    run = start_job(job, opening.cause, jobs=ports.jobs, runs=ports.runs, bus=ports.bus, also=opening.also)
    for arrival in opening.arrivals:
        text = f"{_started_text(run)}: gate {state.gate}, {opening.cause.detail}"
        ports.events.note(arrival.event_id, job.name, text, run.run_id)
    put_away(state, opening, ports.gates)
    return run


def put_away(state: GateState, opening: Opening, gates: GateStore) -> None:
    """Nothing more is to be done about this opening. More may have arrived meanwhile; it stays."""
    for _ in range(_ROUNDS):
        now = gates.state(state.job, state.gate)
        if now.opening is None or now.opening.cause.key != opening.cause.key or gates.replace(ended(now)):
            return
    raise UnavailableError(f"the gate {state.gate} of {state.job} keeps changing")


def start_for(job: Job, cause: Cause, event_id: str, ports: OpeningPorts) -> Run:
    """The run of one event that needs no gate; the event says so."""
    run = start_job(job, cause, jobs=ports.jobs, runs=ports.runs, bus=ports.bus)
    ports.events.note(event_id, job.name, _started_text(run), run.run_id)
    return run


def _started_text(run: Run) -> str:
    """What came of starting it: it may have ended at once, by the job's rule for others in progress."""
    if run.status is RunStatus.CANCELLED and run.error:
        return f"run {run.run_id} {run.error}"
    return f"started run {run.run_id}"
