"""One step is one dbt invocation, whoever builds its nodes.

Projects write `invocation_id` and `run_started_at` into tables, join on them in hooks and cut microbatches by them:
all runners of a step must say the same. And a retry of a run goes on where the other one stopped, inside a microbatch
model too, as `dbt retry` does.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_OID, uuid5

import dbt.tracking
import dbt_common.invocation

from headgate.domain.run import Run
from headgate_runner import run_results
from headgate_runner.share import Share

if TYPE_CHECKING:
    from headgate_runner.shared_verbs import SharedVerb


def join_invocation(share: Share) -> None:
    """Give this process the step's invocation id and start, both the same in every runner of the step."""
    plan = share.plan
    record = share.world.queue.step(plan.run_id, plan.step)
    if record is None:
        return
    started_at = datetime.fromisoformat(record.planned_at).astimezone(UTC)
    name = f"{plan.environment}/{plan.bundle}/{plan.run_id}/{plan.step}/{record.planned_at}"
    dbt_common.invocation._INVOCATION_ID = str(uuid5(NAMESPACE_OID, name))
    dbt_common.invocation._INVOCATION_STARTED_AT = started_at.replace(tzinfo=None)
    user = dbt.tracking.active_user
    if user is not None:
        user.invocation_id = dbt_common.invocation.get_invocation_id()
        user.run_started_at = started_at


def take_over_batches(engine: "SharedVerb") -> None:
    """In the step that a retried run begins with: which batches of microbatch models the other run has built."""
    microbatch = [node for node in engine.planned if is_microbatch(engine.manifest.nodes.get(node))]
    plan, world = engine.share.plan, engine.share.world
    run = world.runs.get_run(plan.run_id) if microbatch else None
    if run is None or not _goes_on(run, plan.step) or run.retry_of is None:
        return
    before = {result.unique_id: result.entry for result in world.queue.results(run.retry_of, plan.step)}
    found = {node: run_results.batches_of(before[node]) for node in microbatch if node in before}
    # Without one batch that succeeded dbt begins anew, which may mean a full refresh.
    engine.batch_map = {
        node: batches for node, batches in found.items() if batches and batches.successful and batches.failed
    }
    record = world.queue.step(run.retry_of, plan.step)
    if record is not None:
        started_at = datetime.fromisoformat(record.planned_at).astimezone(UTC)
        engine.original_invocation_started_at = started_at.replace(tzinfo=None)


def _goes_on(run: Run, step: int) -> bool:
    return run.retry_of is not None and run.first_step == step and not run.from_start


def is_microbatch(node: Any) -> bool:
    return node is not None and getattr(node.config, "incremental_strategy", None) == "microbatch"
