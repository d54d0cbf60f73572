"""Start a job by hand, otherwise than its file says if need be: check the wishes first, then make its run, once."""

from dataclasses import dataclass, replace

from headgate.domain.activity import Activity
from headgate.domain.job import Job
from headgate.domain.job_off import why_off
from headgate.domain.run import Cause, Run
from headgate.domain.run_request import RunRequest, overrides_of
from headgate.errors import ConflictError, NotFoundError
from headgate.ports import Activities, EventBus, JobStore, RunStore
from headgate.usecases.start_job import start_job


@dataclass(frozen=True, slots=True)
class Requested:
    """The run; whether this request made it; what whoever asked should know besides."""

    run: Run
    made: bool
    notes: tuple[str, ...] = ()


def request_run(
    name: str,
    request: RunRequest,
    *,
    kind: str,
    key: str,
    attempt: str,
    jobs: JobStore,
    runs: RunStore,
    bus: EventBus,
    activities: Activities,
) -> Requested:
    """The run of this cause (kind and key): the same key again is the same run, announced again.

    attempt: unique for each call, so that the call that made the run knows. Nothing is made unless everything is right:
    raises NotFoundError for the job, InputError for the wishes, and ConflictError where nothing was published, or
    nothing from this git ref, or the key was used for other wishes. A job that is paused or deactivated starts as well.
    """
    job = jobs.job(name)
    overrides = replace(overrides_of(request, job), request=f"{request.digest}/{attempt}")
    # Read first: once the run is made, nothing may keep whoever asked from hearing of it.
    notes = _notes(job, activities.activity(name))
    run = start_job(
        replace(job, run=request.steps) if request.steps else job,
        Cause(kind, f"{kind}/{key}", request.detail),
        jobs=jobs,
        runs=runs,
        bus=bus,
        from_start=request.from_start,
        overrides=overrides,
        on_conflict=request.on_conflict,
        bundle=_bundle(job.environment, request.git_ref, jobs),
    )
    if run.overrides.request.partition("/")[0] != request.digest:
        raise ConflictError(
            f"the key {key!r} made run {run.run_id} from another request: use a new key for a new run"
        )
    return Requested(run, run.overrides.request == overrides.request, notes)


def _bundle(environment: str, ref: str, jobs: JobStore) -> str:
    publish = f"headgate publish --environment {environment}"
    try:
        return jobs.bundle_from(environment, ref) if ref else jobs.bundle_of(environment)
    except NotFoundError as fault:
        mend = f"check it out and `{publish}` (--git-ref {ref} names it otherwise)" if ref else f"`{publish}`"
        raise ConflictError(f"{fault}: {mend}") from fault


def _notes(job: Job, activity: Activity) -> tuple[str, ...]:
    reason = why_off(job, activity)
    return (f"neither events nor schedules start {job.name}: {reason}",) if reason else ()
