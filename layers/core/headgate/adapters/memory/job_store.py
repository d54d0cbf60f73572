"""Environments, jobs and alert rules in memory."""

from collections.abc import Sequence
from difflib import get_close_matches
from threading import RLock

from headgate.domain.git_ref import unknown_ref
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.errors import ConflictError, NotFoundError


class MemoryJobStore:
    """JobStore without a service: one JobsFile per origin."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._files: dict[str, JobsFile] = {}
        self._bundles: dict[str, str] = {}
        self._refs: dict[tuple[str, str], str] = {}
        self._successes: dict[str, tuple[str, int]] = {}

    def apply(self, jobs_file: JobsFile) -> None:
        with self._lock:
            for other in self._files.values():
                if other.origin != jobs_file.origin:
                    _refuse_shared(jobs_file, other)
            self._files[jobs_file.origin] = jobs_file

    def jobs(self) -> list[Job]:
        with self._lock:
            found = [job for file in self._files.values() for job in file.jobs]
        return sorted(found, key=lambda job: job.name)

    def job(self, name: str) -> Job:
        known = {job.name: job for job in self.jobs()}
        if name not in known:
            near = get_close_matches(name, known, n=1)
            raise NotFoundError(f"no job named {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
        return known[name]

    def environment(self, name: str) -> Environment:
        with self._lock:
            for file in self._files.values():
                for environment in file.environments:
                    if environment.name == name:
                        return environment
        raise NotFoundError(f"no environment named {name!r}")

    def alert_rules(self) -> list[AlertRule]:
        with self._lock:
            return [rule for _, file in sorted(self._files.items()) for rule in file.alerts]

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


def _refuse_shared(mine: JobsFile, other: JobsFile) -> None:
    for kind, names, taken in (
        ("job", {job.name for job in mine.jobs}, {job.name for job in other.jobs}),
        (
            "environment",
            {environment.name for environment in mine.environments},
            {environment.name for environment in other.environments},
        ),
    ):
        if shared := sorted(names & taken):
            raise ConflictError(f"{kind} {shared[0]!r} belongs to {other.origin}: remove it there first")
