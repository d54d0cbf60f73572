"""A run in another schema leaves the environment's relations alone, unless the project puts some where it likes.

What is remembered of the environment's builds holds as long as nobody else builds there: so a project whose
`generate_schema_name` or snapshots pay no heed to the target's schema is watched for it.
"""

from collections.abc import Iterable

from headgate.domain.bundle import INDEX, named
from headgate.domain.index import Index, Node
from headgate.domain.job import Environment
from headgate.domain.plan import Plan
from headgate.domain.results import NodeResult
from headgate.ports import BundleStore


def index_of(plan: Plan, bundles: BundleStore) -> Index:
    """What the environment's own parse has found."""
    return Index.decode(bundles.read(plan.bundle, named(plan.parse_digest, INDEX)))


def may_stay(unique_ids: Iterable[str], index: Index, environment: Environment) -> set[str]:
    """Before it is built: what need not follow the target's schema, as the environment's own names show."""
    found = (index.nodes[unique_id] for unique_id in unique_ids if unique_id in index.nodes)
    return {node.unique_id for node in found if not _follows(node, environment.schema)}


def stayed(results: Iterable[NodeResult], index: Index) -> set[str]:
    """Afterwards: what was built in the environment's own place."""
    return {
        result.unique_id
        for result in results
        if (node := index.nodes.get(result.unique_id)) is not None
        and node.relation_name
        and result.entry.get("relation_name") == node.relation_name
    }


def _follows(node: Node, schema: str) -> bool:
    """dbt's own `generate_schema_name`: the target's schema, with a custom one behind it."""
    own = node.schema or ""
    return own == schema or own.startswith(f"{schema}_")
