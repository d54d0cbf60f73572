"""Why an event started, or did not start, a run: what was decided for each job, how it stands now, near misses."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from headgate.domain.gate import Awaited
from headgate.domain.gate_rule import Wait, decide, label_of
from headgate.domain.job import Job
from headgate.domain.signal import Happening, Signal, fits, heard
from headgate.domain.stored_event import happening_of, stored_trigger
from headgate.errors import NotFoundError
from headgate.ports import Clock, GateStore, JobStore, RunStore

_VERIFIED = {
    "fivetran": "by its signature (HMAC-SHA256 of the body)",
    "github": "by its signature (HMAC-SHA256 of the body)",
    "dbt_cloud": "by its signature (HMAC-SHA256 of the body)",
    "airbyte": "by the token in its address",
    "gitlab": "by its token or signature",
    "webhook": "as its receiver in the jobs file asks",
    "s3": "by AWS: it came over the account's own event bus",
    "schedule": "by AWS: EventBridge Scheduler invokes Headgate directly",
    "headgate": "Headgate's own: a run of it ended",
}


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided for a job. status: its run's, now. now: how the job's gate stands, if that has changed since."""

    job: str
    text: str
    at: str
    run_id: int | None = None
    status: str = ""
    now: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """event: as in EventLog.recent. near: jobs that wait for something called alike, a sentence each."""

    event: Mapping[str, Any]
    verified: str
    decided: tuple[Decided, ...]
    near: tuple[str, ...]

    @property
    def verdict(self) -> str:
        """The whole of it in a line."""
        runs = [f"{one.run_id} ({one.job})" for one in self.decided if one.run_id is not None]
        if runs:
            return f"it led to run{'s' if len(runs) > 1 else ''} {', '.join(runs)}"
        if self.decided:
            return "it started no run"
        if self.event["outcome"] == "unmapped":
            return "it started no run: no job waits for it"
        if stored_trigger(self.event) is None:
            return "it started no run: events of this kind start nothing"
        return "nothing was decided about it yet: it is on its way"


def explain_event(
    event: Mapping[str, Any], *, jobs: JobStore, runs: RunStore, gates: GateStore, clock: Clock
) -> Explanation:
    """event: as in EventLog.recent."""
    known = {job.name: job for job in jobs.jobs()}
    trigger = stored_trigger(event)
    happening = happening_of(trigger, clock.now()) if trigger is not None else None
    decided = tuple(
        _decided(note, event, known.get(note["job"]), runs, gates, clock.now())
        for note in event["notes"]
        if note["job"]
    )
    told = {one.job for one in decided}
    others = [job for job in known.values() if job.name not in told]
    near = tuple(_near(others, happening)) if happening is not None else ()
    provider = event["detail"].get("provider", "") if isinstance(event["detail"], Mapping) else ""
    return Explanation(event, _VERIFIED.get(provider, ""), decided, near)


def _decided(
    note: Mapping[str, Any],
    event: Mapping[str, Any],
    job: Job | None,
    runs: RunStore,
    gates: GateStore,
    now: float,
) -> Decided:
    run_id = note["run_id"]
    if run_id is not None:
        return Decided(note["job"], note["text"], note["at"], run_id, _status(run_id, runs))
    told = Decided(note["job"], note["text"], note["at"])
    if job is None or not note["text"].startswith(("waits", "opens")):
        return told
    stands = _stands(job, event["event_id"], gates, now)
    return told if stands == note["text"] else Decided(told.job, told.text, told.at, now=stands)


def _status(run_id: int, runs: RunStore) -> str:
    try:
        return str(runs.get_run(run_id).status.value)
    except NotFoundError:
        return "forgotten"


def _stands(job: Job, event_id: str, gates: GateStore, now: float) -> str:
    """How the gate stands at which it waits."""
    for gate in job.gates:
        state = gates.state(job.name, gate.name)
        if any(arrival.event_id == event_id for arrival in state.arrivals):
            decision = decide(gate, state, now)
            return (
                decision.text if isinstance(decision, Wait) else f"opens within a minute: {decision.detail}"
            )
    return "it waits no more: it was counted with later ones like it, or the gate is gone"


def _near(jobs: Iterable[Job], happening: Happening) -> Iterator[str]:
    for job in jobs:
        for gate in job.gates:
            if heard(gate, happening.signals):
                yield f"{job.name} waits for it now; when it arrived, it did not: `headgate events replay`"
                continue
            for awaited in gate.awaits:
                for signal in happening.signals:
                    if said := _miss(awaited, signal):
                        yield f"{job.name} waits for {said}"


def _miss(awaited: Awaited, signal: Signal) -> str:
    """How it differs from what is awaited, if that is little."""
    if awaited.kind != signal.kind:
        return ""
    if awaited.name in signal.names:
        wrong = [
            f"{name} {' or '.join(patterns)}, and this is {signal.attributes.get(name) or 'without one'}"
            for name, patterns in awaited.where.items()
            if not any(fits(pattern, signal.attributes.get(name, "")) for pattern in patterns)
        ]
        return f"{label_of(awaited)} with {'; '.join(wrong)}"
    alike = {name.casefold(): name for name in signal.names}
    close = get_close_matches(awaited.name.casefold(), alike, n=1, cutoff=0.6)
    return f"{label_of(awaited)}, and this is {alike[close[0]]}" if close else ""
