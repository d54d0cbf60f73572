"""Environments, jobs and alert rules in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from threading import RLock

from headgate.domain.applied import Applied, lowest_limit, refuse_moved, refuse_taken, unknown
from headgate.domain.git_ref import unknown_ref
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.receiver import Receiver
from headgate.errors import NotFoundError


class MemoryJobStore:
    """JobStore without a service: one applied file per origin."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._applied: dict[str, Applied] = {}
        self._number = 0
        self._bundles: dict[str, str] = {}
        self._refs: dict[tuple[str, str], str] = {}
        self._successes: dict[str, tuple[str, int]] = {}

    def apply(self, *files: JobsFile, after: Mapping[str, int] | None = None, pending: bool = False) -> int:
        with self._lock:
            refuse_moved(after or {}, self._applied)
            refuse_taken(files, self._applied)
            self._number += 1
            self._applied.update({file.origin: Applied(file, self._number, pending) for file in files})
            return self._number

    def settle(self, origin: str, number: int) -> None:
        with self._lock:
            found = self._applied.get(origin)
            if found is not None and found.number == number:
                self._applied[origin] = replace(found, pending=False)

    def applied(self) -> list[Applied]:
        with self._lock:
            return [found for _, found in sorted(self._applied.items())]

    def jobs(self) -> list[Job]:
        found = [job for applied in self.applied() for job in applied.file.jobs]
        return sorted(found, key=lambda job: job.name)

    def job(self, name: str) -> Job:
        known = {job.name: job for job in self.jobs()}
        if name not in known:
            raise unknown("job", name, known)
        return known[name]

    def environment(self, name: str) -> Environment:
        for applied in self.applied():
            for environment in applied.file.environments:
                if environment.name == name:
                    return environment
        raise NotFoundError(f"no environment named {name!r}")

    def receiver(self, name: str) -> Receiver:
        for receiver in self.receivers():
            if receiver.name == name:
                return receiver
        raise NotFoundError(f"no receiver named {name!r}")

    def receivers(self) -> list[Receiver]:
        found = [receiver for applied in self.applied() for receiver in applied.file.receivers]
        return sorted(found, key=lambda receiver: receiver.name)

    def max_parallel_runs(self) -> int | None:
        return lowest_limit(found.file for found in self.applied())

    def alert_rules(self) -> list[AlertRule]:
        return [rule for applied in self.applied() for rule in applied.file.alerts]

    def point_at(self, environment: str, digest: str, refs: Sequence[str] = ()) -> None:
        with self._lock:
            self._refs.update({(environment, ref): digest for ref in refs})
            self._bundles[environment] = digest

    def bundle_from(self, environment: str, ref: str) -> str:
        with self._lock:
            if (environment, ref) in self._refs:
                return self._refs[environment, ref]
            known = [other for holder, other in self._refs if holder == environment]
        raise NotFoundError(unknown_ref(environment, ref, known))

    def bundle_of(self, environment: str) -> str:
        with self._lock:
            if environment not in self._bundles:
                raise NotFoundError(f"nothing was published for the environment {environment!r} yet")
            return self._bundles[environment]

    def record_success(self, environment: str, bundle: str, run_id: int) -> None:
        with self._lock:
            if run_id >= self._successes.get(environment, ("", 0))[1]:
                self._successes[environment] = (bundle, run_id)

    def last_success(self, environment: str) -> tuple[str, int]:
        with self._lock:
            if environment not in self._successes:
                raise NotFoundError(f"no run of the environment {environment!r} has succeeded yet")
            return self._successes[environment]
