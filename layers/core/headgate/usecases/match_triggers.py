"""An event on the bus, or a schedule that came due, starts the jobs that wait for it, or brings them nearer to it.

A sync is remembered before any run is made of it: whoever dies in between is called again with the same event, and a
run that decides by what it knows of sources finds its own cause there. What was decided for which job is kept with
the event.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from headgate.domain.completion import awaited_kinds, counts_as_end
from headgate.domain.due import due_at, due_cause
from headgate.domain.events import ConnectorSynced, RunFinished, ScheduleFired
from headgate.domain.gate import Awaited, Gate
from headgate.domain.gate_rule import key_of
from headgate.domain.gate_state import Arrival
from headgate.domain.job import Job
from headgate.domain.job_off import why_off
from headgate.domain.missed import comes_due
from headgate.domain.results import NodeStatus
from headgate.domain.run import Run
from headgate.domain.signal import MODEL, Happening, heard, of_run_end, of_signal, of_sync
from headgate.domain.stored_event import Trigger
from headgate.domain.triggers import sync_of
from headgate.errors import NotFoundError
from headgate.ports import Activities, Freshness, NodeQueue
from headgate.usecases.one_by_one import one_by_one
from headgate.usecases.open_gate import OpeningPorts, open_gate, start_for
from headgate.usecases.record_event import record_due_time, record_event

# A schedule that was changed may fire once more as it was; how exact the sender is does not matter to that.
_TOLERANCE = 60.0
_MODELS = frozenset({"model", "seed", "snapshot"})


class MatchingPorts(OpeningPorts, Protocol):
    """What matching needs of a world (bootstrap.World, or its twin in memory); each is opened only when it is used."""

    @property
    def activities(self) -> Activities: ...
    @property
    def freshness(self) -> Freshness: ...
    @property
    def queue(self) -> NodeQueue: ...


def match_triggers(event: Trigger, ports: MatchingPorts) -> list[Run]:
    """The runs of this event, made now or by an earlier delivery of it.

    One job that cannot be started does not hold up the others; the last failure is raised at the end.
    """
    if isinstance(event, ScheduleFired):
        return _of_schedule(event, ports)
    if isinstance(event, RunFinished):
        return _of_run_end(event, ports)
    now = ports.clock.now()
    if isinstance(event, ConnectorSynced):
        ports.freshness.record_sync(sync_of(event, now), new_data=event.new_data)
        return _offer(of_sync(event, now), ports.jobs.jobs(), ports)
    return _offer(of_signal(event, now), ports.jobs.jobs(), ports)


def _of_schedule(event: ScheduleFired, ports: MatchingPorts) -> list[Run]:
    at = due_at(event.scheduled_time)
    event_id = record_due_time(event.job, at, events=ports.events)
    try:
        job = ports.jobs.job(event.job)
    except NotFoundError:
        return _nothing(event_id, event.job, "there is no such job any more", ports)
    if not comes_due(job.schedules, at - _TOLERANCE, at + _TOLERANCE):
        return _nothing(event_id, job.name, "not a time of its schedule any more", ports)
    if off := why_off(job, ports.activities.activity(job.name)):
        ports.activities.record_due(job.name, at)
        return _nothing(event_id, job.name, f"starts nothing: {off}", ports)
    # The watermark is catch_up's: an earlier time may be missing still.
    return [start_for(job, due_cause(at), event_id, ports)]


def _nothing(event_id: str, job: str, text: str, ports: MatchingPorts) -> list[Run]:
    ports.events.note(event_id, job, text)
    return []


def _of_run_end(event: RunFinished, ports: MatchingPorts) -> list[Run]:
    """Of a run that nobody waits for nothing is read and nothing kept."""
    jobs = ports.jobs.jobs()
    kinds = awaited_kinds(jobs, event.job)
    if not kinds:
        return []
    run = ports.runs.get_run(event.run_id)
    if not counts_as_end(run):
        return []
    models = _built(run, ports.queue) if MODEL in kinds else []
    happening = of_run_end(event, models, run.finished_at, ports.clock.now())
    record_event(
        happening.event_id, "headgate", event.job, happening.cause.detail, event, events=ports.events
    )
    return _offer(happening, jobs, ports)


def _built(run: Run, queue: NodeQueue) -> list[str]:
    """The models that it built with success, whatever became of the rest."""
    return [
        record.unique_id
        for step in range(run.first_step, len(run.steps) + 1)
        for record in queue.nodes(run.run_id, step)
        if record.resource_type in _MODELS
        and record.result is not None
        and record.result.status is NodeStatus.SUCCESS
    ]


def _offer(happening: Happening, jobs: Iterable[Job], ports: MatchingPorts) -> list[Run]:
    waiting = [(job, found) for job in jobs if (found := _gates(job, happening))]
    if not waiting:
        _unmapped(happening.event_id, ports)
    return one_by_one(waiting, lambda one: _tell(*one, happening, ports))


def _gates(job: Job, happening: Happening) -> list[tuple[Gate, tuple[Awaited, ...]]]:
    return [(gate, found) for gate in job.gates if (found := heard(gate, happening.signals))]


def _unmapped(event_id: str, ports: MatchingPorts) -> None:
    try:
        ports.events.mark(event_id, "unmapped")
    except NotFoundError:
        return  # it came past the event log: there is nothing to keep it with
    ports.events.note(event_id, "", "nothing waits for it")


def _tell(
    job: Job,
    found: Sequence[tuple[Gate, tuple[Awaited, ...]]],
    happening: Happening,
    ports: MatchingPorts,
) -> list[Run]:
    """The runs of one job."""
    if off := why_off(job, ports.activities.activity(job.name)):
        return _nothing(happening.event_id, job.name, f"starts nothing: {off}", ports)
    runs: list[Run] = []
    for gate, awaited in found:
        if gate.is_immediate:
            runs.append(start_for(job, happening.cause, happening.event_id, ports))
        else:
            runs += _arrive(job, gate, awaited, happening, ports)
    return runs


def _arrive(
    job: Job, gate: Gate, awaited: Iterable[Awaited], happening: Happening, ports: MatchingPorts
) -> list[Run]:
    keys = tuple(dict.fromkeys(key_of(one) for one in awaited))
    arrival = Arrival(keys, happening.cause, happening.at, ports.clock.now())
    ports.gates.arrive(job.name, gate.name, arrival)
    looked = open_gate(job, gate, ports)
    if happening.event_id not in looked.told:
        ports.events.note(happening.event_id, job.name, looked.wait.text)
    return list(looked.runs)
