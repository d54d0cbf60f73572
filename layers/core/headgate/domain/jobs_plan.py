"""What an apply of a jobs file would change: data, made from what is stored and what is written.

A plan names the state that it was made from (`numbers`, `stored`) and the file (`written`), so that it can be looked at
today and carried out tomorrow, or not at all if either changed.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from headgate.domain.activity import Activity
from headgate.domain.applied import Applied, never_applied
from headgate.domain.job import Job, JobsFile
from headgate.domain.jobs_changes import (
    Change,
    ScheduleChange,
    changes_between,
    joined,
    schedules_between,
)
from headgate.domain.jobs_doubts import errors_of, warnings_of


@dataclass(frozen=True, slots=True)
class JobsPlan:
    """numbers: of the last apply of each origin that changes. stored: digest of all that the plan was made from.

    written: digest of the file. drift: what of the deployed schedules is not as it was applied; an apply mends it.
    stopped: jobs that somebody or their failures stopped; an apply leaves them so. pending: the last apply did not come
    to its end. errors: why it cannot be applied.
    """

    origin: str
    numbers: Mapping[str, int]
    stored: str
    written: str
    changes: tuple[Change, ...] = ()
    schedules: tuple[ScheduleChange, ...] = ()
    drift: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    pending: bool = False

    @property
    def has_changes(self) -> bool:
        """Whether an apply would do anything."""
        return bool(self.changes or self.drift or self.pending or self.takes_over)

    @property
    def takes_over(self) -> tuple[str, ...]:
        """Origins whose things become this one's."""
        return tuple(origin for origin in self.numbers if origin != self.origin)

    def count(self, action: str) -> int:
        return sum(change.action == action for change in self.changes)


@dataclass(frozen=True, slots=True)
class Known:
    """What is so in the stack. drift: a sentence each. unpublished: environments that point at nothing yet.

    without_secret: receivers of the file that nobody can send to yet.
    """

    applied: Mapping[str, Applied] = field(default_factory=dict)
    drift: Sequence[str] = ()
    activities: Mapping[str, Activity] = field(default_factory=dict)
    unpublished: Collection[str] = ()
    without_secret: Collection[str] = ()


def make_plan(file: JobsFile, known: Known, replaces: Sequence[str] = (), *, sure: bool = False) -> JobsPlan:
    """replaces: origins whose things the file takes over; what of them it does not say is removed.

    sure: whoever asks named the origin, so that it is no other project's by mistake.
    """
    before = [known.applied.get(origin, never_applied(origin)) for origin in (file.origin, *replaces)]
    applied = {origin: found.file for origin, found in known.applied.items()}
    others = [other for origin, other in applied.items() if origin not in {file.origin, *replaces}]
    old = joined([found.file for found in before])
    return JobsPlan(
        origin=file.origin,
        numbers={found.file.origin: found.number for found in before},
        stored=_digest([[(one.file.origin, one.number, one.pending) for one in before], sorted(known.drift)]),
        written=digest_of(file),
        changes=tuple(changes_between(old, file)),
        schedules=tuple(schedules_between(old.jobs, file.jobs)),
        drift=tuple(known.drift),
        stopped=tuple(_stopped(file.jobs, known.activities)),
        warnings=tuple(warnings_of(file, old, others, known.unpublished, known.without_secret)),
        errors=tuple(errors_of(file, applied, replaces, sure=sure)),
        pending=any(found.pending for found in before),
    )


def digest_of(file: JobsFile) -> str:
    """Of everything that the file says, whatever it looks like."""
    return _digest(asdict(file))


def _digest(data: Any) -> str:
    return sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _stopped(jobs: Iterable[Job], activities: Mapping[str, Activity]) -> Iterable[str]:
    for job in jobs:
        activity = activities.get(job.name, Activity())
        if activity.paused:
            yield f"job {job.name} is paused {activity.paused}"
        if activity.deactivated_at is not None:
            since = activity.deactivated_at[:16].replace("T", " ")
            yield f"job {job.name} is off since {since} UTC, after {activity.failures} failed runs in a row"


def changed_since(plan: JobsPlan, now: JobsPlan) -> list[str]:
    """What makes a plan stale: how what an apply would do now differs from what it says. Nothing: it is not stale."""
    if plan.stored == now.stored and plan.numbers == now.numbers:
        return []
    then, todays = _lines(plan), _lines(now)
    told = [f"no longer: {line}" for line in then if line not in todays]
    told += [f"new: {line}" for line in todays if line not in then]
    applied = [origin for origin, number in now.numbers.items() if plan.numbers.get(origin) != number]
    return [*(f"{origin} was applied since" for origin in applied), *told] or [
        "the deployed schedules changed"
    ]


def _lines(plan: JobsPlan) -> list[str]:
    found = [f"{change.action} {change.kind} {change.name}" for change in plan.changes if not change.fields]
    found += [
        f"{change.action} {change.kind} {change.name}: {one.key} {one.old or '(none)'} → {one.new or '(none)'}"
        for change in plan.changes
        for one in change.fields
    ]
    return [*found, *plan.drift, *(["the last apply did not come to its end"] if plan.pending else [])]
