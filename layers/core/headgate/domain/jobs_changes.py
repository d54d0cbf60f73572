"""How two jobs files differ: thing by thing and key by key, in the words of the file."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.applied import lowest_limit
from headgate.domain.file_words import (
    Words,
    alert_text,
    environment_words,
    job_words,
    receiver_words,
    schedule_text,
)
from headgate.domain.job import Job, JobsFile

ADD, CHANGE, REMOVE = "add", "change", "remove"


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One key of the file, before and after; empty: it is not written."""

    key: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is added, changed or removed. kind: environment, receiver, job, alert rule, account."""

    action: str
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()


@dataclass(frozen=True, slots=True)
class ScheduleChange:
    """When a job is due by the clock, before and after, as the file says it; empty: it has no schedule."""

    action: str
    job: str
    old: str
    new: str


def changes_between(old: JobsFile, new: JobsFile) -> Iterable[Change]:
    """What is added, changed and removed; of what is removed no keys are told."""
    yield from _of_kind("environment", old.environments, new.environments, environment_words)
    yield from _of_kind("receiver", old.receivers, new.receivers, receiver_words)
    yield from _of_kind("job", old.jobs, new.jobs, job_words)
    yield from _of_alerts(old, new)
    yield from _of_account(old, new)


def _of_kind(
    kind: str, old: Iterable[Any], new: Iterable[Any], words: Callable[[Any], Words]
) -> Iterable[Change]:
    before, after = {one.name: one for one in old}, {one.name: one for one in new}
    for name, one in after.items():
        if name not in before:
            yield Change(ADD, kind, name, _fields({}, words(one)))
        elif before[name] != one:
            yield Change(CHANGE, kind, name, _fields(words(before[name]), words(one)))
    yield from (Change(REMOVE, kind, name) for name in before if name not in after)


def _fields(old: Words, new: Words) -> tuple[FieldChange, ...]:
    keys = dict.fromkeys((*new, *old))
    return tuple(
        FieldChange(key, old.get(key, ""), new.get(key, "")) for key in keys if old.get(key) != new.get(key)
    )


def _of_alerts(old: JobsFile, new: JobsFile) -> Iterable[Change]:
    before, after = Counter(map(alert_text, old.alerts)), Counter(map(alert_text, new.alerts))
    yield from (Change(ADD, "alert rule", text) for text in (after - before).elements())
    yield from (Change(REMOVE, "alert rule", text) for text in (before - after).elements())
    if before == after and old.alerts != new.alerts:
        yield Change(CHANGE, "alert rule", "their order")


def _of_account(old: JobsFile, new: JobsFile) -> Iterable[Change]:
    before, after = old.max_parallel_runs, new.max_parallel_runs
    if before != after:
        action = ADD if before is None else REMOVE if after is None else CHANGE
        texts = ["" if limit is None else str(limit) for limit in (before, after)]
        yield Change(action, "account", "limits", (FieldChange("max_parallel_runs", *texts),))


def schedules_between(old: Iterable[Job], new: Iterable[Job]) -> Iterable[ScheduleChange]:
    """Jobs that are due at other times than before."""
    before, after = _scheduled(old), _scheduled(new)
    for job in dict.fromkeys((*after, *before)):
        texts = before.get(job, ""), after.get(job, "")
        if texts[0] != texts[1]:
            yield ScheduleChange(ADD if not texts[0] else CHANGE if texts[1] else REMOVE, job, *texts)


def _scheduled(jobs: Iterable[Job]) -> dict[str, str]:
    return {job.name: " · ".join(map(schedule_text, job.schedules)) for job in jobs if job.schedules}


def joined(files: Sequence[JobsFile]) -> JobsFile:
    """Several origins' files as one: of limits the lowest, of names the first one's."""
    first = files[0]
    return JobsFile(
        environments=tuple(one for file in files for one in file.environments),
        jobs=tuple(one for file in files for one in file.jobs),
        alerts=tuple(one for file in files for one in file.alerts),
        origin=first.origin,
        project=first.project,
        receivers=tuple(one for file in files for one in file.receivers),
        max_parallel_runs=lowest_limit(files),
        dbt_project=first.dbt_project,
    )
