"""Can a node be built again when nobody knows whether the attempt before has written?

A table that is made anew comes out the same; rows that are appended come twice. The rules are those of dbt's
materialisations and of the adapters' incremental strategies.
"""

from headgate.domain.command import Command
from headgate.domain.index import Node

# What is replaced as a whole, or holds no rows of its own. A project's own materialisation is not among them:
# nobody knows what it does.
_REPLACED = frozenset(
    {
        "table",
        "view",
        "materialized_view",
        "dynamic_table",
        "streaming_table",
        "ephemeral",
        "seed",
        "test",
        "unit_test",
        "unit",
        "function",
        "exposure",
        "saved_query",
    }
)
# They write the same rows at the same place again; the rest needs a key to find them by.
_OVERWRITING = frozenset({"microbatch", "insert_overwrite", "replace_where"})
_BY_KEY = frozenset({"merge", "delete+insert"})
# Adapters whose default strategy appends even if the model has a key; the others' merge or delete+insert by it.
_APPENDING_ADAPTERS = frozenset({"spark", "trino"})


def is_repeatable(node: Node, command: Command, adapter_type: str) -> bool:
    """Whether building it twice leaves what building it once leaves."""
    if node.materialized != "incremental":
        return node.materialized in _REPLACED
    own = node.config.get("full_refresh")
    if own if isinstance(own, bool) else command.full_refresh:
        return True
    strategy = str(node.config.get("incremental_strategy") or "default")
    has_key = bool(node.config.get("unique_key"))
    if strategy == "default":
        return has_key and adapter_type not in _APPENDING_ADAPTERS
    return strategy in _OVERWRITING or (strategy in _BY_KEY and has_key)
