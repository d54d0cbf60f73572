"""What a queued run waits for, in words and seconds: one look ahead at all runs that are not over.

The look ahead lets runs end after what runs of their job usually take, and start as they will be started. Where a job
has no history nothing is said of time: no number is invented.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from math import inf
from statistics import median

from headgate.domain.instant import epoch
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
                took.append(epoch(run.finished_at) - epoch(run.started_at))
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


@dataclass
class _Ahead:
    """One run ends after the other, and whoever has room then starts.

    scopes: where each run needs a place, by run id. ends: (seconds from now, run id) of those in progress, the next one
    first; inf: nobody knows, so after all that is known. there: how many of them are in each scope. blocked: by scope,
    who waits for a place in it, as numbers in line; thousands may wait, and an end concerns only those in its scopes.
    """

    scopes: Mapping[int, Sequence[Scope]]
    usual: Mapping[str, float]
    ends: list[tuple[float, int]] = field(default_factory=list)
    there: Counter[str] = field(default_factory=Counter)
    blocked: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.limits = {scope.name: scope.limit for scopes in self.scopes.values() for scope in scopes}

    def goes_on(self, run: Run, now: float) -> None:
        elapsed = now - epoch(run.started_at) if run.started_at else 0.0
        left = self.usual.get(run.job, inf) - elapsed
        # One that takes longer than usual may end at any moment, or never.
        self._begin(run, left if left > 0 else inf)

    def look(self, line: Sequence[Run]) -> dict[int, Wait]:
        """What each run of the line waits for; those that wait for nothing known have no end to wait for."""
        first: dict[int, Scope] = {}
        for number, run in enumerate(line):
            full = self._place(number, run, 0.0)
            if full is not None:
                first[run.run_id] = full
        starts = self._starts(line)
        places: Counter[str] = Counter()
        found: dict[int, Wait] = {}
        for run in line:
            scope = first.get(run.run_id)
            if scope is None:
                found[run.run_id] = Wait(1, _SOON)
                continue
            seconds, ended = starts.get(run.run_id, (inf, None))
            known = seconds if seconds < inf else None
            found[run.run_id] = Wait(places[scope.name] + 1, _words(scope, run), ended, known)
            places.update(self._names(run.run_id))
        return found

    def _starts(self, line: Sequence[Run]) -> dict[int, tuple[float, int]]:
        """Run id -> when it has room, and whose end gives it."""
        found: dict[int, tuple[float, int]] = {}
        while self.ends:
            at, ended = heappop(self.ends)
            freed = self._names(ended)
            self.there.subtract(freed)
            for number in self._next(freed):
                run = line[number]
                if self._place(number, run, at) is None:
                    found[run.run_id] = (at, ended)
        return found

    def _next(self, freed: Sequence[str]) -> Iterator[int]:
        """Those who wait for one of these scopes, in line, as long as it has room."""
        while waited_for := [name for name in freed if self.blocked.get(name) and self._has_room(name)]:
            yield heappop(min((self.blocked[name] for name in waited_for), key=lambda numbers: numbers[0]))

    def _place(self, number: int, run: Run, at: float) -> Scope | None:
        """Let it begin; or the scope that is full, where it waits from now on."""
        for scope in self.scopes[run.run_id]:
            if self.there[scope.name] >= scope.limit:
                heappush(self.blocked.setdefault(scope.name, []), number)
                return scope
        self._begin(run, at + self.usual.get(run.job, inf))
        return None

    def _begin(self, run: Run, end: float) -> None:
        heappush(self.ends, (end, run.run_id))
        self.there.update(self._names(run.run_id))

    def _has_room(self, name: str) -> bool:
        return self.there[name] < self.limits[name]

    def _names(self, run_id: int) -> list[str]:
        return [scope.name for scope in self.scopes[run_id]]


def _words(scope: Scope, run: Run) -> str:
    runs = "one run" if scope.limit == 1 else f"{scope.limit} runs"
    where = {Start.JOB_FULL: f"of {run.job}", Start.ENVIRONMENT_FULL: f"in {run.environment}"}
    return f"{runs} {where.get(scope.full, 'in all')} at a time"


def _rounded(seconds: float) -> str:
    return f"{max(5, 5 * round(seconds / 5))} s" if seconds < 50 else f"{max(1, round(seconds / 60))} min"
