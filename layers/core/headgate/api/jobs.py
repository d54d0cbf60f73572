"""Jobs: list them, see what a run would do, pause and resume."""

from typing import TYPE_CHECKING, Any

from headgate.api import answers
from headgate.api.requests import PauseRequest, PlanQuery, ResumeRequest
from headgate.api.route import Answer, Request, Route
from headgate.api.wording import by_the_api
from headgate.domain.activity import Activity
from headgate.domain.instant import iso
from headgate.domain.job import Job
from headgate.domain.job_object import job_object
from headgate.errors import ConflictError, InputError, ManifestError, PlanError
from headgate.observability import logger
from headgate.usecases.pause_job import pause_job, resume_job

if TYPE_CHECKING:
    from headgate.bootstrap import World

_NO_JOB = {404: "There is no such job; the nearest name is told."}


def list_jobs(_: Request, ports: "World") -> Answer:
    jobs = ports.jobs.jobs()
    activities = ports.activities.activities([job.name for job in jobs])
    return 200, {"jobs": [_told(job, activities[job.name], ports) for job in jobs]}


def view(request: Request, ports: "World") -> Answer:
    return _one(ports.jobs.job(request.values["job"]), ports)


def _one(job: Job, ports: "World") -> Answer:
    return 200, {"job": _told(job, ports.activities.activity(job.name), ports)}


def _told(job: Job, activity: Activity, ports: "World") -> dict[str, Any]:
    return job_object(job, activity) | {"next_due": _next_due(job, activity, ports.clock.now())}


def _next_due(job: Job, activity: Activity, now: float) -> str | None:
    if not job.schedules or job.paused or activity.is_off:
        return None
    # Imported here: few who ask for a job have one with a schedule.
    from headgate.domain.fire import next_fires

    fires = next_fires(job.schedules, now, 1)
    return iso(fires[0].at) if fires else None


def plan(request: Request, ports: "World") -> Answer:
    # Imported here: planning loads a graph library, which no other route of jobs needs.
    from headgate.domain.plan_object import plan_object
    from headgate.usecases.preview_plan import preview_plan

    wish: PlanQuery = request.query
    select, exclude = ([text] if text else [] for text in (wish.select, wish.exclude))
    try:
        planned = preview_plan(request.values["job"], ports=ports, select=select, exclude=exclude)
    except (PlanError, ManifestError) as fault:
        # Nothing is wrong with the request: the job's run would end so.
        raise ConflictError(str(fault)) from fault
    return 200, plan_object(planned)


def pause(request: Request, ports: "World") -> Answer:
    wish: PauseRequest = request.body
    name, why = request.values["job"], by_the_api(wish.reason)
    job = pause_job(name, why, jobs=ports.jobs, activities=ports.activities)
    logger.info("job paused", job=job.name)
    return _one(job, ports)


def resume(request: Request, ports: "World") -> Answer:
    name = request.values["job"]
    try:
        job = resume_job(name, jobs=ports.jobs, activities=ports.activities, clock=ports.clock)
    except InputError as fault:
        # Nothing is wrong with the request: the jobs file stands against it.
        raise ConflictError(str(fault)) from fault
    logger.info("job resumed", job=job.name)
    return _one(job, ports)


ROUTES = (
    Route(
        "GET",
        "/api/jobs",
        "listJobs",
        "Every job: what starts it, and whether anything may.",
        list_jobs,
        {200: ("Jobs.", answers.JobsAnswer)},
    ),
    Route(
        "GET",
        "/api/jobs/{job}",
        "viewJob",
        "A job: what starts it, and whether anything may.",
        view,
        {200: ("The job.", answers.JobAnswer)},
        refusals=_NO_JOB,
    ),
    Route(
        "GET",
        "/api/jobs/{job}/plan",
        "planOfJob",
        "What a run of the job would do now; nothing is written.",
        plan,
        {200: ("The plan.", answers.PlanAnswer)},
        query=PlanQuery,
        refusals=_NO_JOB | {409: "A run would end in this error."},
    ),
    Route(
        "POST",
        "/api/jobs/{job}/pause",
        "pauseJob",
        "Let nothing but a person start runs of the job.",
        pause,
        {200: ("The job.", answers.JobAnswer)},
        body=PauseRequest,
        refusals=_NO_JOB,
    ),
    Route(
        "POST",
        "/api/jobs/{job}/resume",
        "resumeJob",
        "Let what it waits for start the job again.",
        resume,
        {200: ("The job.", answers.JobAnswer)},
        body=ResumeRequest,
        refusals=_NO_JOB | {409: "Its jobs file pauses it."},
    ),
)
