"""What the world says about a run's processes: its execution, and the containers of its runners."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Execution:
    """An execution of the state machine. status: Step Functions' word (RUNNING, SUCCEEDED, ABORTED …)."""

    status: str
    error: str = ""
    cause: str = ""

    @property
    def is_over(self) -> bool:
        return self.status != "RUNNING"


@dataclass(frozen=True, slots=True)
class Container:
    """One ECS task that is, or is to be, a runner. created_at: epoch seconds; status: ECS' word (PENDING …)."""

    arn: str
    run_id: int
    step: int
    runner: int
    created_at: float
    status: str
