"""The decision table of docs/reuse.md: whether a node is built or reused, over a whole plan and for one node again."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from headgate.domain.build_state import BuildState
from headgate.domain.decision import Decision
from headgate.domain.index import Index, Node
from headgate.domain.job import ReusePolicy
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.source_versions import SourceVersion
from headgate.domain.terms import Terms


@dataclass(frozen=True, slots=True)
class Decided:
    """What a plan takes over, each by unique_id of the nodes that were asked for.

    versions (`Plan.versions`): upstream -> version of its data, of what has no build of its own.
    """

    decisions: Mapping[str, Decision]
    fingerprints: Mapping[str, Mapping[str, str]]
    sees: Mapping[str, tuple[str, ...]]
    terms: Mapping[str, Terms]
    versions: Mapping[str, str]


def is_transparent(node: Node) -> bool:
    """Whether it holds no data, so that whoever reads it reads what lies behind it: views and ephemeral models."""
    return node.resource_type == "model" and node.materialized in ("view", "ephemeral")


def sees(index: Index) -> Mapping[str, tuple[str, ...]]:
    """unique_id -> the upstreams whose data it reads: its parents, and what lies behind the transparent ones."""
    return {}


def decide_all(
    index: Index,
    order: Sequence[str],
    *,
    states: Mapping[str, BuildState],
    sources: Mapping[str, SourceVersion],
    policy: ReusePolicy,
    now: float,
    forced: str = "",
    elsewhere: Collection[str] = (),
    unit_tests: Collection[str] = (),
    options: str = "",
) -> Decided:
    """Of the nodes of a plan, parents first.

    states: of everything in `order` and everything that these nodes see. policy: with `unchanged` off every decision
    is `selected`. forced: why everything is built (`--full-refresh`). elsewhere: upstreams that are read in another
    environment (defer): nothing is known of their data. unit_tests: the models that have some in this plan. options:
    whatever else changes what the command leaves (`--empty`), part of every fingerprint.
    """
    return Decided({unique_id: Decision() for unique_id in order}, {}, {}, {}, {})


def versions_now(plan: Plan, node: PlannedNode, states: Mapping[str, BuildState]) -> dict[str, str]:
    """Upstream -> version of its data, of everything that the node sees: `BuildState.seen`, read before it is built.

    states: of `node.sees`, as they are now.
    """
    return {}


def decide_again(
    plan: Plan, node: PlannedNode, before: BuildState | None, states: Mapping[str, BuildState], now: float
) -> Decision:
    """At claim time, when `plan.reuse`. before: its own state (`Hold.before`); states: of `node.sees`, as they are now.

    A build that was asked for stays one; whether the answer is another one than the plan's is for the caller to see.
    """
    return node.decision
