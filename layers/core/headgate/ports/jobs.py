"""What is applied: environments and jobs, and their schedules."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from headgate.domain.activity import Activity
from headgate.domain.applied import Applied
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.receiver import Receiver


class JobStore(Protocol):
    """Environments, jobs and alert rules as applied, and which bundle each environment points at."""

    def apply(self, *files: JobsFile, after: Mapping[str, int] | None = None, pending: bool = False) -> int:
        """Make what the files' origins manage equal to them, all of it or nothing; returns the number of this apply.

        after: the number that an origin must still have. pending: schedules follow, and `settle` says so. Raises
        ConflictError if an origin was applied meanwhile, or if a name belongs to another one.
        """
        ...

    def settle(self, origin: str, number: int) -> None:
        """The schedules of this apply are in step with it. If another one came after it, nothing happens."""
        ...

    def applied(self) -> list[Applied]:
        """What every origin manages, by its name."""
        ...

    def jobs(self) -> list[Job]: ...

    def job(self, name: str) -> Job:
        """Raises NotFoundError with the nearest name."""
        ...

    def environment(self, name: str) -> Environment:
        """Raises NotFoundError."""
        ...

    def receiver(self, name: str) -> Receiver:
        """Raises NotFoundError."""
        ...

    def receivers(self) -> list[Receiver]: ...

    def max_parallel_runs(self) -> int | None:
        """Of the whole stack: the lowest limit of all files; None: no limit."""
        ...

    def alert_rules(self) -> list[AlertRule]: ...

    def point_at(self, environment: str, digest: str, refs: Sequence[str] = ()) -> None:
        """Let the environment use this bundle; refs: git branches and commits that it was published from."""
        ...

    def bundle_from(self, environment: str, ref: str) -> str:
        """What was last published from this branch or commit. Raises NotFoundError, naming the refs that are known."""
        ...

    def bundle_of(self, environment: str) -> str:
        """Raises NotFoundError while nothing was published for it."""
        ...

    def record_success(self, environment: str, bundle: str, run_id: int) -> None:
        """A run of this bundle succeeded. An older run than the last one recorded changes nothing."""
        ...

    def last_success(self, environment: str) -> tuple[str, int]:
        """The bundle and the number of the last run that succeeded. Raises NotFoundError while there is none."""
        ...


class Scheduler(Protocol):
    """EventBridge Scheduler: the entries of each job's schedules (domain/schedule_entry.py)."""

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        """Make the entries managed by `origin` equal to these jobs'. Repeating it after a failure ends the same."""
        ...

    def names(self, origin: str) -> list[str]:
        """The jobs that have entries managed by `origin`."""
        ...

    def drift(self, jobs: Sequence[Job], origin: str) -> list[str]:
        """What of the entries is missing, changed by hand or left over: a sentence each; none: they agree."""
        ...


class Activities(Protocol):
    """What is known of a job beside its definition. A run's end counts a failure or a success (RunStore.move)."""

    def activity(self, job: str) -> Activity:
        """Of a job that nothing is known of: nothing."""
        ...

    def activities(self, jobs: Sequence[str]) -> dict[str, Activity]:
        """Of each of these jobs, by its name."""
        ...

    def pause(self, job: str, reason: str) -> None:
        """The last reason holds."""
        ...

    def resume(self, job: str) -> None:
        """Neither paused nor deactivated, and without a failure."""
        ...

    def deactivate(self, job: str, failures: int, at: str) -> bool:
        """Switch it off if that many runs failed since the last success. False: they did not, or it is off."""
        ...

    def record_due(self, job: str, at: float) -> bool:
        """The schedules' time `at` was acted upon. False: a later one was, or this one."""
        ...
