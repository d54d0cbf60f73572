"""What a queued run waits for, in words and seconds: one look ahead at all runs that are not over.

The look ahead lets runs end after what runs of their job usually take, and start as they will be started. Where a job
has no history nothing is said of time: no number is invented.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from statistics import median

from headgate.domain.run import Run, RunStatus
from headgate.domain.run_queue import Limits, Scope, Start, scopes_of

# How many successful runs of a job say what it usually takes.
LATEST = 20
_SOON = "it starts in a moment"


@dataclass(frozen=True, slots=True)
class Wait:
    """position: 1 is next, among those that want the same places. reason: what is in the way, without the run.

    waits_for: the run whose end lets it start; None: it waits for nobody. seconds: until then; None: nobody knows.
    """

    position: int
    reason: str
    waits_for: int | None = None
    seconds: float | None = None

    @property
    def sentence(self) -> str:
        """`waits for run 812, about 6 min (one run of finance at a time; number 2 in line)`"""
        if self.waits_for is None:
            return self.reason
        about = f", about {_rounded(self.seconds)}" if self.seconds is not None else ""
        place = f"; number {self.position} in line" if self.position > 1 else ""
        return f"waits for run {self.waits_for}{about} ({self.reason}{place})"


def usual_seconds(runs: Iterable[Run]) -> dict[str, float]:
    """Job -> the median of what its latest successful runs took. runs: newest first."""
    found: dict[str, list[float]] = {}
    for run in runs:
        if run.status is RunStatus.SUCCESS and run.started_at and run.finished_at:
            took = found.setdefault(run.job, [])
            if len(took) < LATEST:
                took.append(_epoch(run.finished_at) - _epoch(run.started_at))
    return {job: median(took) for job, took in found.items()}


def waits(
    active: Iterable[Run], limits_of: Callable[[Run], Limits], usual: Mapping[str, float], now: float
) -> dict[int, Wait]:
    """Run id -> what it waits for, of every queued run. active: all runs that are not over."""
    runs = list(active)
    queued = [run for run in runs if run.status is RunStatus.QUEUED]
    ahead = _Ahead({run.run_id: scopes_of(run, limits_of(run)) for run in runs}, usual)
    for run in runs:
        if run.status is not RunStatus.QUEUED:
            ahead.goes_on(run, now)
    cancelled = {
        run.run_id: Wait(1, f"cancelled {run.cancel}; it ends within a minute")
        for run in queued
        if run.cancel is not None
    }
    line = [run for run in queued if run.cancel is None]
    return cancelled | ahead.look(sorted(line, key=lambda run: run.in_line))


@dataclass(frozen=True)
class _End:
    """When a run will be over, in seconds from now; inf: nobody knows, so after all that is known."""

    seconds: float
    run: Run


@dataclass
class _Ahead:
    """scopes: where each run needs a place, by run id. ends: of those that are in progress then."""

    scopes: Mapping[int, Sequence[Scope]]
    usual: Mapping[str, float]
    ends: list[_End] = field(default_factory=list)

    def goes_on(self, run: Run, now: float) -> None:
        elapsed = now - _epoch(run.started_at) if run.started_at else 0.0
        left = self.usual.get(run.job, inf) - elapsed
        # One that takes longer than usual may end at any moment, or never.
        self.ends.append(_End(left if left > 0 else inf, run))

    def look(self, line: Sequence[Run]) -> dict[int, Wait]:
        """Let one run end after the other, and start whoever has room then."""
        found: dict[int, Wait] = {}
        first: dict[int, Scope] = {}
        ended: _End | None = None
        waiting = list(line)
        while waiting:
            for run in list(waiting):
                full = self._full(run)
                if full is not None:
                    first.setdefault(run.run_id, full)
                    continue
                waiting.remove(run)
                found[run.run_id] = self._wait(run, line, first, ended)
                begins = ended.seconds if ended is not None else 0.0
                self.ends.append(_End(begins + self.usual.get(run.job, inf), run))
            if not self.ends:
                break
            ended = min(self.ends, key=lambda end: (end.seconds, end.run.run_id))
            self.ends.remove(ended)
        return found | {run.run_id: self._wait(run, line, first, None) for run in waiting}

    def _full(self, run: Run) -> Scope | None:
        for scope in self.scopes[run.run_id]:
            there = sum(scope.name in self._names(end.run) for end in self.ends)
            if there >= scope.limit:
                return scope
        return None

    def _wait(self, run: Run, line: Sequence[Run], first: Mapping[int, Scope], ended: _End | None) -> Wait:
        scope = first.get(run.run_id)
        if scope is None:
            return Wait(1, _SOON)
        before = line[: line.index(run)]
        position = 1 + sum(other.run_id in first and scope.name in self._names(other) for other in before)
        if ended is None:
            return Wait(position, _words(scope, run))
        seconds = ended.seconds if ended.seconds < inf else None
        return Wait(position, _words(scope, run), ended.run.run_id, seconds)

    def _names(self, run: Run) -> list[str]:
        return [scope.name for scope in self.scopes[run.run_id]]


def _words(scope: Scope, run: Run) -> str:
    runs = "one run" if scope.limit == 1 else f"{scope.limit} runs"
    where = {Start.JOB_FULL: f"of {run.job}", Start.ENVIRONMENT_FULL: f"in {run.environment}"}
    return f"{runs} {where.get(scope.full, 'in all')} at a time"


def _rounded(seconds: float) -> str:
    return f"{max(5, 5 * round(seconds / 5))} s" if seconds < 50 else f"{max(1, round(seconds / 60))} min"


def _epoch(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
