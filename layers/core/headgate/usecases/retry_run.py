"""Repeat a run from its failure on: a new run, linked to it, of the same bundle and the same commands.

It begins at the first step that failed or never ended, and builds there what failed, was skipped or never began
(domain/retry.py, by plan_run); the steps after it are built as they are. It waits for its job's slot like any run.
"""

from dataclasses import dataclass, replace

from headgate.domain.events import RunQueued
from headgate.domain.job import Job
from headgate.domain.outcome import outcome
from headgate.domain.plan import Plan
from headgate.domain.run import Cause, Run, RunStatus
from headgate.errors import ConflictError
from headgate.ports import EventBus, NodeQueue, RunStore
from headgate.usecases.plan_run import PlanningPorts, draft_plan


def retry_run(
    run_id: int, *, from_start: bool, cause: Cause, runs: RunStore, queue: NodeQueue, bus: EventBus
) -> Run:
    """The run that repeats this one; asked for again with the same cause it is the same run.

    from_start: build every step again, whatever went well. Raises NotFoundError; and ConflictError for a run that is
    not over, or that left nothing undone.
    """
    other = runs.get_run(run_id)
    first_step = _first_step(other, from_start, queue)
    run, _ = runs.create_run(
        Job(other.job, other.environment, other.steps, priority=other.priority),
        other.bundle,
        replace(cause, key=f"retry/{run_id}/{cause.key}"),
        retry_of=run_id,
        first_step=first_step,
        from_start=from_start,
        also=other.causes,
        overrides=other.overrides,
    )
    bus.publish(RunQueued(run_id=run.run_id, job=run.job))
    return run


@dataclass(frozen=True, slots=True)
class RetryPreview:
    """What a retry would build: the plan of each step from `first_step` on, and its command as the run has it."""

    retry_of: int
    first_step: int
    commands: tuple[str, ...]
    plans: tuple[Plan, ...]


def retry_preview(run_id: int, *, from_start: bool, ports: PlanningPorts) -> RetryPreview:
    """Plan the retry and write nothing. Raises what `retry_run` and planning raise."""
    other = ports.runs.get_run(run_id)
    first_step = _first_step(other, from_start, ports.queue)
    [latest] = ports.runs.list_runs(1)
    imagined = Run(
        run_id=latest.run_id + 1,
        job=other.job,
        environment=other.environment,
        bundle=other.bundle,
        steps=other.steps,
        cause=Cause("retry", ""),
        status=RunStatus.QUEUED,
        created_at=other.created_at,
        retry_of=run_id,
        first_step=first_step,
        from_start=from_start,
        also=other.causes,
        overrides=other.overrides,
    )
    steps = range(first_step, len(other.steps) + 1)
    drafts = tuple(draft_plan(imagined, step, ports) for step in steps)
    return RetryPreview(run_id, first_step, other.steps[first_step - 1 :], drafts)


def _first_step(run: Run, from_start: bool, queue: NodeQueue) -> int:
    if not run.status.is_final:
        raise ConflictError(
            f"run {run.run_id} is {run.status.value}: wait for its end, or `headgate cancel {run.run_id}`"
        )
    return 1 if from_start else _first_undone_step(run, queue)


def _first_undone_step(run: Run, queue: NodeQueue) -> int:
    if run.status is RunStatus.SUCCESS:
        raise ConflictError(
            f"run {run.run_id} succeeded: there is nothing to repeat; --from-start builds all of it again"
        )
    for step in range(run.first_step, len(run.steps) + 1):
        if _is_undone(run.run_id, step, queue):
            return step
    raise ConflictError(
        f"run {run.run_id} left no node undone ({run.error}): --from-start builds all of it again"
    )


def _is_undone(run_id: int, step: int, queue: NodeQueue) -> bool:
    record = queue.step(run_id, step)
    if record is None:
        return True
    nodes = queue.nodes(run_id, step)
    results = [node.result for node in nodes if node.result is not None]
    return outcome(record, nodes, results, ()).error is not None
