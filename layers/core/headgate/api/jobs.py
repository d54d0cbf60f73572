"""Jobs: list them, see what a run would do, pause and resume."""

from typing import TYPE_CHECKING

from headgate.api import answers
from headgate.api.requests import PauseRequest, PlanQuery, ResumeRequest
from headgate.api.route import Answer, Request, Route
from headgate.api.wording import by_the_api
from headgate.domain.job_object import job_object
from headgate.errors import ConflictError, ManifestError, PlanError
from headgate.observability import logger

if TYPE_CHECKING:
    from headgate.bootstrap import World

_NO_JOB = {404: "There is no such job; the nearest name is told."}


def list_jobs(_: Request, ports: "World") -> Answer:
    found = [job_object(job, ports.activities.activity(job.name)) for job in ports.jobs.jobs()]
    return 200, {"jobs": found}


def view(request: Request, ports: "World") -> Answer:
    job = ports.jobs.job(request.values["job"])
    return 200, {"job": job_object(job, ports.activities.activity(job.name))}


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
    job = ports.jobs.job(request.values["job"])
    ports.activities.pause(job.name, by_the_api(wish.reason))
    logger.info("job paused", job=job.name)
    return 200, {"job": job_object(job, ports.activities.activity(job.name))}


def resume(request: Request, ports: "World") -> Answer:
    job = ports.jobs.job(request.values["job"])
    if job.paused:
        raise ConflictError(
            f"{job.name} is paused by its jobs file: take `paused: true` out and `headgate jobs apply`"
        )
    ports.activities.resume(job.name)
    logger.info("job resumed", job=job.name)
    return 200, {"job": job_object(job, ports.activities.activity(job.name))}


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
