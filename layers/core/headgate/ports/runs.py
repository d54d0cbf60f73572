"""Runs, and where they are carried out."""

from typing import Protocol

from headgate.domain.execution import Container, Execution
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_queue import ONE_OF_A_JOB, Limits, Start


class RunStore(Protocol):
    """Runs and the rule that one cause makes at most one run of a job."""

    def create_run(
        self,
        job: Job,
        bundle: str,
        cause: Cause,
        *,
        retry_of: int | None = None,
        first_step: int = 1,
        from_start: bool = False,
        also: tuple[Cause, ...] = (),
        overrides: Overrides = NO_OVERRIDES,
        on_conflict: str = "queue_all",
    ) -> tuple[Run, bool]:
        """The run of this cause, and whether this call made it; what it does about others of its job included.

        In one transaction: the run, that its cause has one, and what becomes of the runs whose place it takes by
        `on_conflict` (domain/run_queue.enter; `Run.supersedes`): those that wait end as cancelled, those in progress
        are asked to stop. It may itself be over: skipped. Of the job its name, environment, commands, connectors and
        priority are used. The others: see Run.
        """
        ...

    def run_of(self, job: str, cause: Cause) -> Run | None:
        """The run that this cause made; None: it made none, or a month ago."""
        ...

    def get_run(self, run_id: int) -> Run:
        """Raises NotFoundError."""
        ...

    def list_runs(self, limit: int = 20, job: str | None = None) -> list[Run]:
        """Newest first."""
        ...

    def active_runs(self) -> list[Run]:
        """Every run without a final status, oldest first."""
        ...

    def take_slot(self, run: Run, limits: Limits = ONE_OF_A_JOB) -> Start:
        """Move a queued run to `starting` and take its places (domain/run_queue.scopes_of), in one transaction.

        A run that somebody asked to cancel gets none any more. Places are counted from the moment on that there is
        a limit; whoever holds one keeps it when the limit sinks.
        """
        ...

    def request_cancel(self, run_id: int, reason: str) -> bool:
        """Record that somebody wants the run to stop, and why. False: it is final, or was asked before.

        The first reason stays. Raises NotFoundError.
        """
        ...

    def record_execution(self, run_id: int, execution_arn: str) -> None: ...

    def move(self, run_id: int, target: RunStatus, **changes: object) -> bool:
        """Change the status if the transition is allowed (domain/run.py); a final one frees its places.

        In the same transaction it is counted how the job fares (Activities): a failure or a success; a run that was
        cancelled is neither.
        """
        ...

    def unannounced(self) -> list[Run]:
        """Runs that have ended and whose end nobody may have heard of yet, oldest first."""
        ...

    def record_announced(self, run_id: int) -> None:
        """Its RunFinished is on the bus."""
        ...


class StateMachine(Protocol):
    """Step Functions: a run's one execution, by the run's name. It begins at the run's first step."""

    def start(self, run: Run) -> str:
        """The execution's ARN; starting a started run returns the same."""
        ...

    def stop(self, run: Run, reason: str) -> bool:
        """Abort it; one that has ended stays as it is. False: it was never started."""
        ...

    def status(self, run: Run) -> Execution | None:
        """How it is; None: it was never started. May lag a moment behind `start` and `stop`."""
        ...


class Containers(Protocol):
    """The ECS tasks of the cluster that are runners."""

    def running(self) -> list[Container]:
        """Those that run or are on their way to it, without those that were told to stop."""
        ...

    def stop(self, arn: str, reason: str) -> None:
        """Stopping what has ended changes nothing."""
        ...
