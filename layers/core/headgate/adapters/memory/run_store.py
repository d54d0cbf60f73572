"""Runs in memory: the same rules as the table's transactions, under one lock."""

from collections import defaultdict
from dataclasses import replace
from threading import RLock

from headgate.adapters.memory.activities import MemoryActivities
from headgate.domain.instant import iso
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run, RunStatus, sources_of
from headgate.domain.run_queue import ONE_OF_A_JOB, Entry, Limits, Start, enter, scopes_of, steps_of
from headgate.errors import NotFoundError
from headgate.ports import Clock

_CHANGES = frozenset({"error", "counts", "started_at"})


class MemoryRunStore:
    """RunStore without a service."""

    def __init__(self, clock: Clock, activities: MemoryActivities | None = None) -> None:
        self._clock, self._lock = clock, RLock()
        self._activities = activities or MemoryActivities()
        self._runs: dict[int, Run] = {}
        self._causes: dict[tuple[str, str], int] = {}
        self._places: dict[str, set[int]] = defaultdict(set)
        self._announced: set[int] = set()

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
        with self._lock:
            known = self._causes.get((job.name, cause.key))
            if known is not None:
                return self._runs[known], False
            run = Run(
                run_id=len(self._runs) + 1,
                job=job.name,
                environment=job.environment,
                bundle=bundle,
                steps=steps_of(job, (cause, *also)),
                cause=cause,
                status=RunStatus.QUEUED,
                created_at=iso(self._clock.now()),
                retry_of=retry_of,
                first_step=first_step,
                from_start=from_start,
                also=also,
                on_conflict=on_conflict,
                priority=job.priority,
                overrides=overrides,
            )
            entry = enter(run, job, [other for other in self._runs.values() if other.job == job.name])
            self._write(entry)
            self._causes[job.name, cause.key] = run.run_id
            return entry.run, True

    def _write(self, entry: Entry) -> None:
        new = entry.run
        self._runs[new.run_id] = new
        for run in entry.superseded:
            self._runs[run.run_id] = run.with_status(
                RunStatus.CANCELLED,
                error=entry.superseding_text,
                superseded_by=new.run_id,
                finished_at=new.created_at,
            )
        for run in entry.stopped:
            self._runs[run.run_id] = replace(run, cancel=entry.stopping_text, superseded_by=new.run_id)

    def run_of(self, job: str, cause: Cause) -> Run | None:
        with self._lock:
            known = self._causes.get((job, cause.key))
            return None if known is None else self._runs[known]

    def get_run(self, run_id: int) -> Run:
        with self._lock:
            if run_id not in self._runs:
                raise NotFoundError(f"run {run_id} does not exist")
            return self._runs[run_id]

    def list_runs(self, limit: int = 20, job: str | None = None) -> list[Run]:
        with self._lock:
            newest = sorted(self._runs.values(), key=lambda run: run.run_id, reverse=True)
        return [run for run in newest if job in (None, run.job)][:limit]

    def active_runs(self) -> list[Run]:
        with self._lock:
            return [run for _, run in sorted(self._runs.items()) if not run.status.is_final]

    def take_slot(self, run: Run, limits: Limits = ONE_OF_A_JOB) -> Start:
        with self._lock:
            stored = self._runs.get(run.run_id)
            if stored is None or stored.status is not RunStatus.QUEUED or stored.cancel is not None:
                return Start.NOT_QUEUED
            scopes = scopes_of(stored, limits)
            for scope in scopes:
                if len(self._places[scope.name]) >= scope.limit:
                    return scope.full
            for scope in scopes:
                self._places[scope.name].add(stored.run_id)
            self._runs[stored.run_id] = stored.with_status(RunStatus.STARTING)
            return Start.TAKEN

    def request_cancel(self, run_id: int, reason: str) -> bool:
        with self._lock:
            run = self.get_run(run_id)
            if run.status.is_final or run.cancel is not None:
                return False
            self._runs[run_id] = replace(run, cancel=reason)
            return True

    def record_execution(self, run_id: int, execution_arn: str) -> None:
        with self._lock:
            self._runs[run_id] = replace(self.get_run(run_id), execution_arn=execution_arn)

    def move(self, run_id: int, target: RunStatus, **changes: object) -> bool:
        if unknown := changes.keys() - _CHANGES:
            raise TypeError(f"a move cannot change {', '.join(sorted(unknown))}")
        with self._lock:
            run = self.get_run(run_id)
            if run.status not in sources_of(target):
                return False
            now = iso(self._clock.now())
            given = {name: value for name, value in changes.items() if value is not None}
            if target is RunStatus.RUNNING:
                given.setdefault("started_at", now)
            if target.is_final:
                given["finished_at"] = now
                self._end(run, target)
            self._runs[run_id] = run.with_status(target, **given)
            return True

    def _end(self, run: Run, target: RunStatus) -> None:
        for holders in self._places.values():
            holders.discard(run.run_id)
        if target is not RunStatus.CANCELLED:
            self._activities.count(run.job, failed=target is RunStatus.ERROR)

    def unannounced(self) -> list[Run]:
        with self._lock:
            ended = [run for _, run in sorted(self._runs.items()) if run.status.is_final]
            return [run for run in ended if run.run_id not in self._announced]

    def record_announced(self, run_id: int) -> None:
        with self._lock:
            self._announced.add(self.get_run(run_id).run_id)
