"""Jobs that start after other jobs: who waits for whom, what counts as an end, and that nobody waits for himself."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from headgate.domain.env_test import stands_for_environment
from headgate.domain.gate import Awaited
from headgate.domain.job import Job
from headgate.domain.run import Run
from headgate.domain.signal import JOB, MODEL


def upstream_of(awaited: Awaited) -> str | None:
    """The job whose runs it is about: `core`, of the job or of the model `core/dim_customers`; None: no job's."""
    if awaited.kind == MODEL:
        return awaited.name.partition("/")[0]
    return awaited.name if awaited.kind == JOB else None


def cycle_in(jobs: Iterable[Job]) -> list[str] | None:
    """Jobs each of which starts after the one before, ending with the first: `[a, b, a]`; None: there is no cycle."""
    edges = {job.name: _upstreams(job) for job in jobs}
    try:
        TopologicalSorter({name: sorted(edges[name]) for name in sorted(edges)}).prepare()
    except CycleError as fault:
        return list(fault.args[1])
    return None


def _upstreams(job: Job) -> set[str]:
    named = (upstream_of(one) for gate in job.gates for one in gate.awaits)
    return {name for name in named if name is not None}


def awaited_kinds(jobs: Iterable[Job], upstream: str) -> frozenset[str]:
    """Whether somebody waits for this job's runs (`job`), for models of it (`model`), both or nothing."""
    awaits = (one for job in jobs for gate in job.gates for one in gate.awaits)
    return frozenset(one.kind for one in awaits if upstream_of(one) == upstream)


def counts_as_end(run: Run) -> bool:
    """Whether others start after it. One whose place another took, or that was skipped, did nothing.

    Nor did one in another schema, or with variables of its own: what others read is as it was.
    """
    skipped = run.started_at is None and (run.error or "").startswith("skipped: ")
    did_something = run.superseded_by is None and not skipped
    return run.status.is_final and did_something and stands_for_environment(run)
