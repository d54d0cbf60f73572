"""What may be sent to the API: bodies, and what may stand behind `?`."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from headgate.api.route import Body, Query
from headgate.domain.run_request import LONGEST_STEP, MOST_STEPS, MOST_THREADS

Status = Literal["queued", "starting", "running", "success", "error", "cancelled"]
LONGEST_SELECTION = 2_000


class CancelRequest(Body):
    """Why a run is cancelled."""

    reason: str = Field(default="", max_length=500)


class RetryRequest(Body):
    """How a run is repeated: from its failure on, or all of it."""

    from_start: bool = False


class PauseRequest(Body):
    """Why a job is paused."""

    reason: str = Field(default="", max_length=500)


class ResumeRequest(Body):
    """Nothing has to be said."""


class RunStart(Body):
    """What is wanted otherwise than the job says; all of it may be left out."""

    cause: str = Field(default="", max_length=500, description="Why, in a line for people.")
    steps_override: list[Annotated[str, Field(min_length=1, max_length=LONGEST_STEP)]] | None = Field(
        default=None, min_length=1, max_length=MOST_STEPS, description="dbt commands instead of the job's."
    )
    schema_override: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The schema to build in; nothing is reused then.",
    )
    threads_override: int | None = Field(default=None, ge=1, le=MOST_THREADS)
    git_branch: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="Use what was last published from this branch.",
    )
    git_sha: str | None = Field(
        default=None, min_length=1, max_length=200, description="Use what was published from this commit."
    )
    vars: dict[str, str | int | float | bool] | None = Field(
        default=None, description="Values of variables that the job declares.", max_length=100
    )
    on_conflict: Literal["queue_all", "skip", "cancel_running"] | None = Field(
        default=None, description="What to do about other runs of the job; the job's own rule unless given."
    )
    from_start: bool = Field(default=False, description="Reuse nothing.")

    @property
    def git_ref(self) -> str:
        return self.git_sha or self.git_branch or ""

    @model_validator(mode="after")
    def _one_ref(self) -> "RunStart":
        if self.git_sha is not None and self.git_branch is not None:
            raise ValueError("git_branch and git_sha exclude each other")
        return self


class PlanQuery(Query):
    """Selections in dbt's words, instead of those of the job's commands."""

    select: str = Field(default="", max_length=LONGEST_SELECTION)
    exclude: str = Field(default="", max_length=LONGEST_SELECTION)


class RunsQuery(Query):
    """Which runs, and how many of them."""

    job: str | None = Field(default=None, max_length=48)
    status: Status | None = None
    limit: int = Field(default=20, ge=1, le=100)


class EventsQuery(Query):
    """How many events."""

    limit: int = Field(default=50, ge=1, le=100)
