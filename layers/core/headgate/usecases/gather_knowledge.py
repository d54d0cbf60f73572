"""Gather what is known of an environment when a step is planned: builds, syncs, what `dbt source freshness` saw."""

from collections.abc import Iterable
from functools import partial
from typing import Protocol

from headgate.domain.build_state import BuildState
from headgate.domain.index import Index
from headgate.domain.instant import epoch
from headgate.domain.job import ReusePolicy
from headgate.domain.knowledge import Knowledge
from headgate.domain.run import Run
from headgate.domain.source_versions import source_versions
from headgate.ports import Clock, Freshness


class Remembered(Protocol):
    """What planning asks BuildStates for."""

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]: ...
    def looked_at(self, environment: str) -> float: ...


def gather_knowledge(
    run: Run,
    index: Index,
    policy: ReusePolicy,
    *,
    states: Remembered,
    freshness: Freshness,
    clock: Clock,
    forced: str = "",
    notes: tuple[str, ...] = (),
) -> Knowledge:
    """Also of a job that reuses nothing: what its builds have seen is remembered for the jobs that do."""
    now = clock.now()
    sources = source_versions(
        index,
        syncs=freshness.syncs(),
        observations=freshness.observations(run.environment),
        now=now,
        # Until a runner has begun nothing was seen in this run; while it was queued, others may have looked.
        since=epoch(run.started_at) if run.started_at else now,
        silent_after=policy.silent_after,
    )
    return Knowledge(
        now=now,
        states=partial(states.read, run.environment),
        sources=sources,
        looked_at=states.looked_at(run.environment) if policy.unchanged else 0.0,
        forced=forced,
        notes=notes,
    )
