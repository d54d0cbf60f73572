"""headgate.yml → JobsFile. Every fault is collected: one reading shows all there is to mend."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.adapters.jobs_file.classes import class_problems, error_class
from headgate.adapters.jobs_file.document import Document, Place, read_document
from headgate.adapters.jobs_file.faults import explain, is_noise, nearest
from headgate.adapters.jobs_file.models import (
    AlertEntry,
    EnvironmentEntry,
    FileEntry,
    FivetranEntry,
    JobEntry,
    ReuseEntry,
)
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import (
    AlertRule,
    Deadline,
    Environment,
    Job,
    JobsFile,
    RetryPolicy,
    ReusePolicy,
    RunnerSize,
)
from headgate.domain.schedule import Schedule
from headgate.errors import JobsFileError, Problem


def read_jobs_file(path: Path, origin: str | None = None) -> JobsFile:
    """Read and check the file; `origin` (its name unless given) marks the jobs that it manages.

    Raises NotFoundError when it is not there, JobsFileError with all its problems, in the order of their lines.
    """
    document = read_document(path)
    if not isinstance(document.values, Mapping):
        what = "is empty" if document.values is None else "is not a mapping"
        raise JobsFileError([document.problem((), f"the file {what}: it begins with 'version: 1'")])
    problems = [*_repeated(document), *_unknown_environments(document), *class_problems(document)]
    try:
        entry = FileEntry.model_validate(document.values)
    except ValidationError as fault:
        problems += _faults(document, fault.errors(include_url=False))
        entry = None
    if entry is not None:
        problems += _built_by_two(document, entry)
    if problems or entry is None:
        raise JobsFileError(sorted(problems, key=lambda problem: (problem.line, problem.path)))
    return _jobs_file(entry, origin or path.name)


def _repeated(document: Document) -> Iterator[Problem]:
    for place, line in document.repeated:
        first = document.lines[place]
        message = f"two entries have this name; the other one is in line {first}"
        yield Problem(document.file, line, document.problem(place, "").path, message)


def _unknown_environments(document: Document) -> Iterator[Problem]:
    known = document.values.get("environments")
    jobs = document.values.get("jobs")
    if not isinstance(known, Mapping) or not isinstance(jobs, Mapping):
        return
    for name, job in jobs.items():
        wanted = job.get("environment") if isinstance(job, Mapping) else None
        if isinstance(wanted, str) and wanted not in known:
            names = [str(environment) for environment in known]
            hint = nearest(wanted, names) or f" Known: {', '.join(names)}"
            yield document.problem(("jobs", name, "environment"), f"unknown environment {wanted!r}.{hint}")


def _built_by_two(document: Document, entry: FileEntry) -> Iterator[Problem]:
    """Jobs that reuse what another environment builds as well: what is remembered belongs to one environment."""
    places = {name: (found.target, found.schema_) for name, found in entry.environments.items()}
    for name, job in entry.jobs.items():
        if not job.reuse.unchanged or job.environment not in places:
            continue
        for other, place in places.items():
            if other != job.environment and place == places[job.environment]:
                message = (
                    f"environment {other!r} has the target and the schema of {job.environment!r}: what it builds would "
                    "be changed unseen. Use one environment for both, or another schema"
                )
                yield document.problem(("jobs", name, "reuse"), message)
                break


def _faults(document: Document, faults: Iterable[ErrorDetails]) -> Iterator[Problem]:
    faults = list(faults)
    unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
    for fault in faults:
        if is_noise(fault, unknown):
            continue
        place: Place = fault["loc"]
        shown = tuple(part for part in place if part != "[key]")
        yield document.problem(shown, explain(fault, place))


def _jobs_file(entry: FileEntry, origin: str) -> JobsFile:
    return JobsFile(
        environments=tuple(_environment(name, found) for name, found in entry.environments.items()),
        jobs=tuple(_job(name, found) for name, found in entry.jobs.items()),
        alerts=tuple(_alert_rule(found) for found in entry.alerts),
        origin=origin,
    )


def _environment(name: str, entry: EnvironmentEntry) -> Environment:
    return Environment(
        name=name,
        target=entry.target,
        schema=entry.schema_,
        threads=entry.threads,
        runners=RunnerSize(**entry.runners.model_dump()),
        secrets=dict(entry.secrets),
        concurrency=entry.concurrency,
        pools=dict(entry.pools),
        error_classes=tuple(error_class(own, found) for own, found in entry.error_classes.items()),
    )


def _job(name: str, entry: JobEntry) -> Job:
    fivetran, schedule, retries = entry.when.fivetran, entry.when.schedule, entry.retries
    return Job(
        name=name,
        environment=entry.environment,
        run=tuple(entry.run or ()),
        owner=entry.owner,
        description=entry.description,
        gates=(_fivetran(fivetran),) if fivetran else (),
        schedules=(Schedule(schedule.cron, schedule.timezone),) if schedule else (),
        retries=RetryPolicy(retries.max, tuple(retries.on), retries.non_idempotent, retries.scope),
        node_timeout=entry.node_timeout,
        reuse=_reuse(entry.reuse, without_run=entry.run is None),
        deadline=Deadline(entry.deadline.finish_by, entry.deadline.timezone) if entry.deadline else None,
    )


def _fivetran(entry: FivetranEntry) -> Gate:
    return Gate("fivetran", tuple(Awaited("fivetran", name) for name in entry.connectors))


def _reuse(entry: ReuseEntry, *, without_run: bool) -> ReusePolicy:
    # Without commands the job is there to build what is not fresh.
    return ReusePolicy(
        unchanged=without_run if entry.unchanged is None else entry.unchanged,
        batch_tests=entry.batch_tests,
        respect_window=entry.code_change == "respect_window",
        ignore_volatile=entry.volatile == "ignore",
        look_every=entry.look_every,
        silent_after=entry.silent_after,
    )


def _alert_rule(entry: AlertEntry) -> AlertRule:
    match: dict[str, Any] = entry.match.model_dump(exclude_none=True)
    return AlertRule(match=match, send=tuple(("slack", receiver.slack) for receiver in entry.send))
