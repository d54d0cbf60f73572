"""Whether nodes are built or reused: over a whole plan, and for one node again when its turn comes.

The table itself is in domain/decision_table.py; here is what it is asked with.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from headgate.domain.build_state import BuildState
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.decision_table import Moment, Subject, decide
from headgate.domain.fingerprint import Fingerprints, digest_of
from headgate.domain.index import Index, Node
from headgate.domain.job import ReusePolicy
from headgate.domain.lineage import Lineage, is_transparent
from headgate.domain.plan import Plan, PlannedNode
from headgate.domain.source_versions import SourceVersion
from headgate.domain.terms import Terms
from headgate.domain.upstreams import INLINE, VIEW, Upstream, name_of, upstream_now

_AS_ASKED = frozenset({Reason.SELECTED, Reason.FORCED})
_UNIT_TESTED = "no end of a unit test is remembered"
_WITHOUT_RELATION = frozenset({"test", "unit_test", "exposure", "saved_query"})


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


def relation_of(node: Node) -> str:
    """What building it leaves in the warehouse; nothing for tests and whatever is inlined."""
    if node.resource_type in _WITHOUT_RELATION or node.materialized == "ephemeral":
        return ""
    return node.relation_name or ".".join(filter(None, (node.database, node.schema, node.alias or node.name)))


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
    of_tests: str = "",
    env: Mapping[str, str] | None = None,
) -> Decided:
    """Of the nodes of a plan, parents first.

    states: of everything in `order` and everything that these nodes see. policy: with `unchanged` off every decision
    is `selected`. forced: why everything is built (`--full-refresh`). elsewhere: upstreams that are read in another
    environment (defer): nothing is known of their data. unit_tests: the models that have some in this plan. options:
    whatever else changes what the command leaves (`--empty`), part of every fingerprint. of_tests: what changes how
    tests end (`--warn-error`). env: environment variable -> digest of its value.
    """
    prints, plain = Fingerprints(index, options, of_tests, env), Fingerprints(index, env=env)
    table = _WholePlan(
        index, frozenset(order), states, sources, policy, now, frozenset(elsewhere), prints, plain
    )
    decisions: dict[str, Decision] = {}
    for unique_id in order:
        if not policy.unchanged:
            decisions[unique_id] = Decision()
        elif forced:
            decisions[unique_id] = Decision(Action.BUILD, Reason.FORCED, forced)
        else:
            decisions[unique_id] = table.decision(unique_id, has_unit_tests=unique_id in unit_tests)
        if not decisions[unique_id].reuses:
            table.built.add(unique_id)
    return Decided(
        decisions,
        {unique_id: table.prints.of(unique_id) for unique_id in order},
        {unique_id: table.lineage.sees(unique_id) for unique_id in order},
        {unique_id: table.terms(unique_id) for unique_id in order},
        table.versions(order),
    )


class _WholePlan:
    """The decisions of one plan, each with what was decided before it."""

    def __init__(
        self,
        index: Index,
        planned: frozenset[str],
        states: Mapping[str, BuildState],
        sources: Mapping[str, SourceVersion],
        policy: ReusePolicy,
        now: float,
        elsewhere: frozenset[str],
        prints: Fingerprints,
        plain: Fingerprints,
    ) -> None:
        self._index, self._states, self._sources = index, states, sources
        self._policy, self._now, self._elsewhere = policy, now, elsewhere - planned
        self._planned = planned
        self.prints, self._plain = prints, plain
        self.lineage = Lineage(index)
        self.built: set[str] = set()
        self._terms: dict[str, Terms] = {}
        self._versions: dict[str, str | None] = {}
        self._upstreams: dict[tuple[str, bool], Upstream] = {}

    def decision(self, unique_id: str, *, has_unit_tests: bool) -> Decision:
        node = self._index.nodes[unique_id]
        if node.resource_type != "test" and not relation_of(node):
            return self._without_relation(unique_id, has_unit_tests=has_unit_tests)
        subject = Subject(
            unique_id, node.resource_type, relation_of(node), self.prints.of(unique_id), self.terms(unique_id)
        )
        moment = Moment(
            self._now, lambda upstream: self._upstream(upstream, by_build=subject.by_build), self.built,
            self._run_of, self._index,
        )  # fmt: skip
        return decide(subject, self._states.get(unique_id), moment)

    def _without_relation(self, unique_id: str, *, has_unit_tests: bool) -> Decision:
        """Nothing of it is remembered: ephemeral models, exposures, saved queries come with what they read."""
        if has_unit_tests or self._index.nodes[unique_id].resource_type == "unit_test":
            # `dbt test` has unit tests as nodes of their own.
            return Decision(Action.BUILD, Reason.MISSING, _UNIT_TESTED)
        for upstream in self.lineage.sees(unique_id):
            if upstream in self.built:
                return Decision(Action.BUILD, Reason.NEW_DATA, f"{name_of(upstream)} is built in this run")
        return Decision(Action.REUSE, Reason.NO_NEW_DATA, "it leaves nothing of its own")

    def _upstream(self, unique_id: str, *, by_build: bool) -> Upstream:
        # Parents are decided before those who read them: it is the same for each of its readers.
        key = (unique_id, by_build)
        if key not in self._upstreams:
            self._upstreams[key] = self._upstream_of(unique_id, by_build=by_build)
        return self._upstreams[key]

    def _upstream_of(self, unique_id: str, *, by_build: bool) -> Upstream:
        planned = self.version(unique_id)
        state = self._states.get(unique_id)
        found = upstream_now(unique_id, planned, state, by_build=by_build, now=self._now)
        if unique_id in self.built and planned and planned.startswith(VIEW):
            # It will be what its code says.
            return Upstream(planned, f"view {name_of(unique_id)} is built in this run", transparent=True)
        if source := self._sources.get(unique_id):
            return found._replace(fact=source.fact or found.fact)
        return found if planned else self._unknown(unique_id, found)

    def _unknown(self, unique_id: str, found: Upstream) -> Upstream:
        node = self._index.nodes[unique_id]
        if not is_transparent(node) or unique_id in self._elsewhere:
            return found
        if why := self._always(node):
            return found._replace(fact=f"{name_of(unique_id)} depends on {why}", transparent=True)
        return found._replace(
            fact=f"{name_of(unique_id)}: {self._hidden(node)}", transparent=True, unknown=True
        )

    def version(self, unique_id: str) -> str | None:
        """What `Plan.versions` says of this upstream; None: its own builds tell."""
        if unique_id not in self._versions:
            self._versions[unique_id] = self._version(unique_id)
        return self._versions[unique_id]

    def _version(self, unique_id: str) -> str | None:
        if unique_id in self._elsewhere:
            return ""
        node = self._index.nodes[unique_id]
        if node.resource_type == "source":
            source = self._sources.get(unique_id)
            return source.version if source else ""
        if not is_transparent(node):
            state = self._states.get(unique_id)
            is_other = state is not None and state.version and state.relation != relation_of(node)
            return "" if is_other and unique_id not in self._planned else None
        if self._always(node) or self._hidden(node):
            return ""
        prints = self.prints if unique_id in self._planned else self._plain
        kind = INLINE if node.materialized == "ephemeral" else VIEW
        return kind + digest_of(prints.of(unique_id))

    def versions(self, order: Sequence[str]) -> dict[str, str]:
        """For everything that these nodes see."""
        seen = {upstream for unique_id in order for upstream in self.lineage.sees(unique_id)}
        found = {upstream: self.version(upstream) for upstream in sorted(seen)}
        return {upstream: version for upstream, version in found.items() if version is not None}

    def terms(self, unique_id: str) -> Terms:
        if unique_id not in self._terms:
            self._terms[unique_id] = self._make_terms(self._index.nodes[unique_id])
        return self._terms[unique_id]

    def _make_terms(self, node: Node) -> Terms:
        code, seen = node.code, self.lineage.sees(node.unique_id)
        return Terms(
            always=self._always(node),
            hidden=self._hidden(node),
            reads=self.lineage.reads(node.unique_id),
            unknown=tuple(one for one in seen if self._is_too_old(one, code.lag)),
            window=code.build_after,
            updates_on=code.updates_on,
            respect_window=self._policy.respect_window and code.build_after is not None,
            view=node.resource_type == "model" and node.materialized in ("view", "materialized_view"),
            star=code.star
            or node.materialized == "materialized_view"
            or (node.materialized == "view" and self.prints.reach.has_star(node)),
        )

    def _is_too_old(self, unique_id: str, lag: float | None) -> bool:
        source = self._sources.get(unique_id)
        return source is not None and bool(source.version) and source.age > (lag or 0.0)

    def _always(self, node: Node) -> str:
        # A model's own opinion wins over the job's.
        if self._policy.ignore_volatile if node.code.steady is None else node.code.steady:
            return ""
        if node.code.volatile:
            return node.code.volatile
        macro, why = self.prints.reach.first_with(node, "volatile")
        return f"{why}, {self._in_macro(macro)}" if macro else ""

    def _hidden(self, node: Node) -> str:
        if node.code.hidden and node.resource_type == "seed":
            return node.code.hidden
        if node.code.hidden:
            return f"it reads {node.code.hidden} without ref or source"
        macro, name = self.prints.reach.first_with(node, "hidden")
        return f"it reads {name} without ref or source, {self._in_macro(macro)}" if macro else ""

    def _in_macro(self, macro: str) -> str:
        return f"in macro {name_of(macro)} ({self._index.macros[macro].path})"

    def _run_of(self, test: str) -> int:
        state = self._states.get(test)
        return state.run_id if state else 0


def versions_now(plan: Plan, node: PlannedNode, states: Mapping[str, BuildState]) -> dict[str, str]:
    """Upstream -> version of its data, of everything that the node sees: `BuildState.seen`, read before it is built.

    states: of all of `node.sees` but sources, as they are now.
    """
    subject = _subject(node)
    return {
        upstream: upstream_now(
            upstream, plan.versions.get(upstream), states.get(upstream), by_build=subject.by_build, now=0.0
        ).version
        for upstream in node.sees
    }


def decide_again(
    plan: Plan, node: PlannedNode, before: BuildState | None, states: Mapping[str, BuildState], now: float
) -> Decision:
    """At claim time, when `plan.reuse`. before: its own state (`Hold.before`); states: as for `versions_now`.

    A build that was asked for stays one; whether the answer is another one than the plan's is for the caller to see.
    """
    subject = _subject(node)
    if node.decision.reason in _AS_ASKED or not (subject.relation or subject.is_test):
        return node.decision
    moment = Moment(
        now,
        lambda upstream: upstream_now(
            upstream, plan.versions.get(upstream), states.get(upstream), by_build=subject.by_build, now=now
        ),
    )
    return decide(subject, before, moment)


def _subject(node: PlannedNode) -> Subject:
    return Subject(node.unique_id, node.resource_type, node.relation, node.fingerprint, node.terms)
