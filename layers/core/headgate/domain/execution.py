"""What the world says about a run's processes: its execution, and the containers of its runners."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of the state machine. status: Step Functions' word (RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED)."""

    status: str
    error: str = ""
    cause: str = ""

    @property
    def is_over(self) -> bool:
        return self.status != "RUNNING"


@dataclass(frozen=True, slots=True)
class Container:
    """One ECS task that is to be, or is, a runner. created_at: epoch seconds; status: ECS' word (PENDING, RUNNING …)."""

    arn: str
    run_id: int
    step: int
    runner: int
    created_at: float
    status: str
