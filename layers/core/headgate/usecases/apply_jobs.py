"""Apply jobs: what is stored and what is deployed become what the file says, all of it or nothing.

Jobs change in one transaction, which marks its origins as pending; then the schedules follow; then the mark goes. What
fails on the way is taken back the same way. Whoever dies on the way leaves the mark, so that the next plan says so and
the next apply brings the schedules in step. Until then nothing runs that no file says: a schedule of a job that is gone
starts nothing, and a time that had no schedule yet is made up for (usecases/catch_up.py). What came due before a job
had its schedules is not: that is written first, so that no look at what was missed falls in between.
"""

from collections.abc import Iterable, Mapping, Sequence

from headgate.domain.applied import never_applied
from headgate.domain.job import Job, JobsFile
from headgate.domain.jobs_plan import JobsPlan, digest_of
from headgate.errors import ApplyError, ConflictError, HeadgateError, InputError, UnavailableError
from headgate.ports import Activities, Clock, JobStore, Scheduler


def apply_jobs(
    file: JobsFile,
    plan: JobsPlan,
    *,
    jobs: JobStore,
    scheduler: Scheduler,
    activities: Activities,
    clock: Clock,
) -> None:
    """Carry out a plan that was just made of this file.

    Raises InputError for a plan of another file or with errors, ConflictError when somebody applied meanwhile (nothing
    was changed), ApplyError when something could not be written (it says what holds now).
    """
    if plan.written != digest_of(file):
        raise InputError("the plan was made from other contents of the file: make it again")
    if plan.errors:
        raise InputError("\n".join(plan.errors))
    if not plan.has_changes:
        return
    applied = {found.file.origin: found for found in jobs.applied()}
    before = [applied.get(origin, never_applied(origin)).file for origin in plan.numbers]
    _count_from_now(file, before, activities, clock)
    emptied = [never_applied(origin).file for origin in plan.numbers if origin != file.origin]
    try:
        number = jobs.apply(file, *emptied, after=plan.numbers, pending=True)
    except UnavailableError as fault:
        raise ApplyError(
            f"{fault}. Whether the jobs were stored is not known: see `headgate jobs plan`"
        ) from fault
    try:
        _schedule((file, *emptied), scheduler)
    except HeadgateError as fault:
        told = _take_back(before, dict.fromkeys(plan.numbers, number), jobs, scheduler)
        raise ApplyError(f"the schedules could not be written ({fault}). {told}") from fault
    try:
        _settle(plan.numbers, number, jobs)
    except HeadgateError as fault:
        raise ApplyError(f"everything is applied, and not yet marked so ({fault}): apply it again") from fault


def _count_from_now(file: JobsFile, before: Sequence[JobsFile], activities: Activities, clock: Clock) -> None:
    """Nothing is made up for that came due before a job was due at these times, or while its file paused it."""
    old = {job.name: job for one in before for job in one.jobs}
    now = clock.now()
    for job in file.jobs:
        if job.schedules and _starts_anew(old.get(job.name), job):
            activities.record_due(job.name, now)


def _starts_anew(old: Job | None, new: Job) -> bool:
    return old is None or old.schedules != new.schedules or (old.paused and not new.paused)


def _settle(origins: Iterable[str], number: int, jobs: JobStore) -> None:
    for origin in origins:
        jobs.settle(origin, number)


def _schedule(files: Sequence[JobsFile], scheduler: Scheduler) -> None:
    for file in files:
        scheduler.sync(file.jobs, file.origin)


def _take_back(
    before: Sequence[JobsFile], numbers: Mapping[str, int], jobs: JobStore, scheduler: Scheduler
) -> str:
    """Old jobs, then old schedules; returns what holds now."""
    holds = "The new jobs are stored"
    try:
        number = jobs.apply(*before, after=numbers, pending=True)
        holds = "The old jobs are stored again"
        _schedule(before, scheduler)
        _settle(numbers, number, jobs)
    except ConflictError:
        return "Somebody else applied meanwhile: theirs holds, look at the plan again"
    except HeadgateError as fault:
        return (
            f"{holds}; their schedules may not be in step yet, as taking it back failed too ({fault}). It is marked: "
            "the next `headgate jobs apply` brings them in step"
        )
    return "Everything is as it was before: apply it again"
