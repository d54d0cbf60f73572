"""What is left of a step that an earlier attempt has begun: nothing that has succeeded is built again."""

from collections.abc import Iterable, Mapping
from typing import Any

from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.engine import restricted_to
from headgate.domain.index import Index
from headgate.domain.plan import Plan
from headgate.domain.results import NodeResult, NodeStatus
from headgate.ports import BundleStore

DONE = frozenset({NodeStatus.SUCCESS, NodeStatus.PASS, NodeStatus.WARN, NodeStatus.NO_OP, NodeStatus.REUSED})


def is_done(entry: Mapping[str, Any]) -> bool:
    """Whether an object of run_results.json is a success."""
    return entry.get("status") in DONE


def remaining(plan: Plan, results: Iterable[NodeResult]) -> set[str]:
    """unique_ids of the plan, unit tests included, that have not succeeded yet."""
    done = {result.unique_id for result in results if result.status in DONE}
    planned = {node.unique_id for node in plan.nodes}
    planned |= {test for node in plan.nodes for test in node.unit_tests}
    return planned - done


def command_for(plan: Plan, left: set[str], bundles: BundleStore) -> Command:
    """The plan's command for these nodes alone."""
    index = Index.decode(bundles.read(plan.bundle, named(plan.parse_digest, INDEX)))
    return restricted_to(plan.command, index, left)
