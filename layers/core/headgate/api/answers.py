"""What the API answers with. The objects are made in domain/: run_object.py, plan_object.py, job_object.py."""

from typing import Any, Literal

from pydantic import Field

from headgate.api.requests import Status
from headgate.api.route import Told


class Fault(Told):
    """What is wrong, in words for people."""

    error: str


class CauseTold(Told):
    """Why a run exists."""

    kind: str
    key: str
    detail: str
    connectors: list[str]


class WaitTold(Told):
    """What a queued run waits for. position: 1 is next. seconds: until it starts; null where nobody knows."""

    position: int
    reason: str
    waits_for: int | None
    seconds: float | None


class OverridesTold(Told):
    """What was asked for otherwise than the job says; the run's `steps` are what it does in any case."""

    schema_: str | None = Field(alias="schema")
    threads: int | None
    vars: dict[str, str | int | float | bool]
    git_ref: str | None


class RunTold(Told):
    """A run's record. Times are ISO 8601 in UTC."""

    run_id: int
    job: str
    environment: str
    status: Status
    bundle: str
    steps: list[str]
    cause: CauseTold
    created_at: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    counts: dict[str, int]
    retry_of: int | None
    first_step: int
    from_start: bool
    cancel: str | None
    also: list[CauseTold]
    priority: int
    on_conflict: str
    superseded_by: int | None
    supersedes: list[int]
    overrides: OverridesTold
    queue: WaitTold | None = Field(default=None, description="Only of a run that waits.")


class FailedNodeTold(Told):
    """A node that went wrong."""

    unique_id: str
    status: str
    message: str


class StepTold(Told):
    """A step of a run, as far as it came."""

    step: int
    command: str
    planned: bool
    nodes: int
    failed: list[FailedNodeTold]
    lost: list[str]


class RunAnswer(Told):
    """A run."""

    run: RunTold


class RunStartAnswer(RunAnswer):
    """A run that waits for its turn, and what whoever asked for it should know."""

    notes: list[str]


class RunViewAnswer(RunAnswer):
    """A run and its steps."""

    steps: list[StepTold]


class RunsAnswer(Told):
    """Runs, newest first."""

    runs: list[RunTold]


class PlanAnswer(Told):
    """What is built and what is reused, why, in which order, when, and what it costs."""

    job: str
    environment: str
    bundle: str
    run_id: int | None
    steps: list[dict[str, Any]]
    counts: dict[str, int]
    start: str
    end: str
    seconds: float
    warehouse_seconds: float
    saved_seconds: float
    cost: dict[str, Any]
    deadline: dict[str, Any] | None
    notes: list[str]


class JobTold(Told):
    """A job: what starts it, and whether anything may."""

    job: str
    environment: str
    owner: str
    description: str
    steps: list[str]
    when: list[str]
    gates: list[dict[str, Any]]
    schedules: list[dict[str, Any]]
    vars: list[dict[str, Any]]
    on_conflict: str | None
    max_parallel_runs: int
    priority: int
    state: Literal["active", "paused", "deactivated"]
    paused: str | None
    deactivated_at: str | None
    failures: int
    next_due: str | None


class JobAnswer(Told):
    """A job."""

    job: JobTold


class JobsAnswer(Told):
    """Jobs, by name."""

    jobs: list[JobTold]


class NoteTold(Told):
    """What was decided about an event for a job."""

    job: str
    text: str
    run_id: int | None
    at: str


class EventTold(Told):
    """Something that arrived, what became of it, and what was decided about it for each job."""

    event_id: str
    received_at: str
    outcome: str
    detail: dict[str, Any]
    notes: list[NoteTold]


class EventAnswer(Told):
    """An event."""

    event: EventTold


class EventsAnswer(Told):
    """Events, newest first."""

    events: list[EventTold]


class WebhookReceipt(Told):
    """A message was taken: `accepted`, or `duplicate`, `ignored`, `test`."""

    status: Literal["accepted", "duplicate", "ignored", "test"]
    event_id: str
