"""A plan is data: what a step will build, in which order, with how many runners.

`plan_run` writes it, runners read it, `headgate plan` prints it. The graph is the one dbt's own build queue
holds: selected nodes, edges preserved across nodes that are not selected, and the test edges that make a
node wait for the tests of its parents.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from headgate.domain.command import Command
from headgate.domain.decision import Decision
from headgate.domain.error_class import ErrorClass
from headgate.domain.job import RetryPolicy
from headgate.domain.terms import Terms

# The step's own two nodes: schemas and on-run-start before the first node, on-run-end after the last one.
# They are claimed like any other node, so exactly one runner does each and a lost runner's share is taken over.
OPENING = "step.opening"
CLOSING = "step.closing"
# The only turn of a step that one runner does with one dbt command; the nodes it builds are attached to it.
COMMAND = "step.command"
# The pool that every node of an environment with `concurrency` is in.
WAREHOUSE = "warehouse"


class Engine(StrEnum):
    """How a step is done: node by node over all runners, or as one dbt command in one runner."""

    SHARED = "shared"
    COMMAND = "command"


@dataclass(frozen=True, slots=True)
class PlannedNode:
    """One node of the queue.

    parents: unique_ids inside this plan that must be done first (test edges included).
    unit_tests: dbt runs these inside the model's own turn, before the model (dbt.task.build).
    priority: seconds of the longest predicted path that starts here; the highest is claimed first.
    timeout_seconds: when an attempt is cancelled. repeatable: whether building it twice leaves what building it once
    leaves (not so: snapshots, incremental models that only append). pools: what its attempt takes one place of.
    decision: whether it is built; a reused node stays in the plan, done before anything begins. relation: what it
    builds; empty: it leaves none, and nobody has to wait for it. fingerprint, sees: what its build will be remembered
    by: part -> digest, and the upstreams whose data it reads (through views and ephemeral models). tests: the
    error-severity data tests of this plan that must pass before its build counts. batch: the tests that its own query
    answers as well (`reuse.batch_tests`); leader: of each of those, the test in whose turn it runs. built: the version
    of its last build, as it was when this was planned.
    terms: on which it may be reused (domain/reuse.py).
    """

    unique_id: str
    resource_type: str
    materialized: str
    parents: tuple[str, ...]
    predicted_seconds: float
    priority: float
    unit_tests: tuple[str, ...] = ()
    timeout_seconds: float | None = None
    repeatable: bool = True
    pools: tuple[str, ...] = ()
    decision: Decision = field(default_factory=Decision)
    relation: str = ""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    sees: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    batch: tuple[str, ...] = ()
    built: str = ""
    terms: Terms = field(default_factory=Terms)
    leader: str = ""

    @property
    def is_built(self) -> bool:
        """Whether it gets a turn, as far as was known when this was planned."""
        return not self.decision.reuses


@dataclass(frozen=True)
class Plan:
    """What one step of a run will do. `nodes` is in topological order; a node's position is its index + 1.

    retries, error_classes, pools: what of job and environment binds the runners, as it stood when this was planned;
    pools: name -> places. state_bundle: the bundle whose manifest `dbt clone` copies from and `--defer` refers to.
    reuse: whether unchanged nodes are reused. versions: upstream -> the version of its data as it was planned with,
    of everything that has no build of its own: sources, views, ephemeral models. look: whether the opening must look
    which relations are there, although nothing may be left to build. planned_at: epoch seconds. variables, secrets:
    environment variables of its dbt, secrets as `<secret>#<key>`; None: in plans of earlier versions, whose runners ask
    the environment. schema, parse, anew: see domain/plan_setting.py. Fields are only ever
    added, with defaults, and unknown ones are ignored: runners of the version before and after read it alike.
    """

    run_id: int
    step: int
    command: Command
    bundle: str
    environment: str
    nodes: tuple[PlannedNode, ...]
    runners: int
    threads: int
    work_seconds: float = 0.0
    critical_path_seconds: float = 0.0
    notes: tuple[str, ...] = field(default=())
    engine: Engine = Engine.SHARED
    fail_fast: bool = False
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    error_classes: tuple[ErrorClass, ...] = ()
    pools: Mapping[str, int] = field(default_factory=dict)
    state_bundle: str = ""
    reuse: bool = False
    versions: Mapping[str, str] = field(default_factory=dict)
    look: bool = False
    planned_at: float = 0.0
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] | None = None
    schema: str = ""
    parse: str = ""
    anew: bool = False

    @property
    def parse_digest(self) -> str:
        """Which parse of the bundle this was planned with."""
        return self.parse or self.command.vars_digest

    @property
    def has_turn(self) -> bool:
        """Whether there is anything for a runner to do."""
        return self.look or any(node.is_built for node in self.nodes) or self.engine is Engine.COMMAND

    @cached_property
    def positions(self) -> Mapping[str, int]:
        """unique_id -> position; the opening is 0. Waiting sets hold positions, which are far smaller than ids."""
        return {OPENING: 0, **{node.unique_id: i for i, node in enumerate(self.nodes, 1)}}

    @cached_property
    def children(self) -> Mapping[str, tuple[str, ...]]:
        """unique_id -> the nodes that wait for it; what has no parent that is built waits for the opening."""
        children: dict[str, list[str]] = {OPENING: []}
        for node in self.nodes:
            if node.is_built and self.waits_of(node) == (OPENING,):
                children[OPENING].append(node.unique_id)
            # A reused parent releases nobody, unless the opening finds that it has to be built after all.
            for parent in node.parents:
                children.setdefault(parent, []).append(node.unique_id)
        return {parent: tuple(ids) for parent, ids in children.items()}

    @cached_property
    def reused(self) -> frozenset[str]:
        """The nodes that are done before anything begins."""
        return frozenset(node.unique_id for node in self.nodes if not node.is_built)

    def waits_of(self, node: PlannedNode) -> tuple[str, ...]:
        """What this node waits for at first: its parents that are built, else the opening."""
        return tuple(parent for parent in node.parents if parent not in self.reused) or (OPENING,)
