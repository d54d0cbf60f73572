"""The nodes of a plan: what index, job, environment and decisions say about each."""

from dataclasses import replace

from headgate.domain.command import Command
from headgate.domain.index import Index, Node
from headgate.domain.job import Environment, Job
from headgate.domain.plan import WAREHOUSE, PlannedNode
from headgate.domain.plan_reuse import Verdicts
from headgate.domain.repeatable import is_repeatable
from headgate.domain.reuse import relation_of
from headgate.domain.terms import Terms

# They never send a query of their own to the warehouse, so they take no place in a pool.
_WITHOUT_QUERY = frozenset({"ephemeral", "exposure", "saved_query"})


class PlannedNodes:
    """Turns nodes of the index into nodes of the plan, by what environment and job say about all of them.

    verdicts: None where dbt decides by itself, and nothing is remembered of single nodes.
    """

    def __init__(
        self,
        index: Index,
        command: Command,
        environment: Environment,
        job: Job | None,
        verdicts: Verdicts | None = None,
    ) -> None:
        self._index, self._command, self._environment = index, command, environment
        self._verdicts = verdicts
        self._timeout = job.node_timeout if job else None
        limits = {WAREHOUSE: environment.concurrency} if environment.concurrency else {}
        self.pools: dict[str, int] = {**environment.pools, **limits}
        self._without_limit: dict[str, str] = {}

    def planned(
        self,
        unique_id: str,
        parents: tuple[str, ...],
        seconds: float,
        level: float,
        unit_tests: tuple[str, ...],
        tests: tuple[str, ...],
    ) -> PlannedNode:
        node = self._index.nodes[unique_id]
        found = PlannedNode(
            unique_id=unique_id,
            resource_type=node.resource_type,
            materialized=node.materialized,
            parents=parents,
            predicted_seconds=round(seconds, 3),
            priority=round(level, 3),
            unit_tests=unit_tests,
            timeout_seconds=self._timeout if node.timeout is None else node.timeout,
            repeatable=is_repeatable(node, self._command, self._index.adapter_type),
            pools=self._pools_of(unique_id),
        )
        return found if self._verdicts is None else _decided(found, node, self._verdicts, tests)

    def _pools_of(self, unique_id: str) -> tuple[str, ...]:
        node = self._index.nodes[unique_id]
        if node.materialized in _WITHOUT_QUERY:
            return ()
        for pool in node.pools:
            if pool not in self.pools:
                self._without_limit.setdefault(pool, unique_id)
        return tuple(sorted({pool for pool in (WAREHOUSE, *node.pools) if pool in self.pools}))

    def notes(self) -> tuple[str, ...]:
        """Pools that nodes name and the environment does not: a limit somebody may believe in."""
        return tuple(
            f"{unique_id} is in the pool {pool!r}, which environment {self._environment.name} does not limit"
            for pool, unique_id in sorted(self._without_limit.items())
        )


def _decided(planned: PlannedNode, node: Node, verdicts: Verdicts, tests: tuple[str, ...]) -> PlannedNode:
    decided, relation = verdicts.decided, relation_of(node)
    state = verdicts.states.get(node.unique_id)
    return replace(
        planned,
        decision=verdicts.decision(node.unique_id),
        relation=relation,
        fingerprint=decided.fingerprints.get(node.unique_id, {}),
        sees=decided.sees.get(node.unique_id, ()),
        tests=tests if relation else (),
        built=state.version if state else "",
        terms=decided.terms.get(node.unique_id, Terms()),
    )
