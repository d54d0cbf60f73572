"""Which engine does a step, and how one dbt command is told to build some nodes only."""

from collections.abc import Collection
from dataclasses import replace
from itertools import chain

from headgate.domain.command import Command
from headgate.domain.index import Index, Node
from headgate.domain.plan import Engine
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.resolve import Resolver
from headgate.domain.selection.spec import Indirect, criteria
from headgate.domain.selection.text import parse

# The versions whose insides the shared queue leans on; any other dbt is run as one command.
TESTED_DBT = (1, 11)
_HAS_SELECTOR_METHOD = (1, 12)
# Nodes that dbt's method `fqn` does not find or finds by another way.
_BY_TYPE = frozenset({"exposure", "unit_test", "saved_query", "metric", "semantic_model"})
_EVERYTHING = ("fqn:*", "source:*")


def engine_of(command: Command, dbt_version: str) -> Engine:
    """Node by node if the verb has a graph and dbt is in the tested range, else as one command."""
    return Engine.SHARED if command.is_graph and _numbers(dbt_version) == TESTED_DBT else Engine.COMMAND


def in_dbts_words(
    command: Command, index: Index, dbt_version: str, earlier: Earlier | None = None
) -> Command:
    """The same command without methods that this dbt does not have: its nodes are named instead.

    `connector:` is Headgate's own, `selector:` came with dbt 1.12. Raises SelectionError.
    """
    selected = chain(criteria(parse(command.select)), criteria(parse(command.exclude)))
    if not any(_is_foreign(criterion.method, dbt_version) for criterion in selected):
        return command
    found = Resolver(index, earlier).resolve(command.select, command.exclude, indirect=command.indirect)
    return _naming(command, index, found.nodes)


def restricted_to(command: Command, index: Index, only: Collection[str]) -> Command:
    """The same command for these nodes alone, in dbt's own words; dbt brings no tests along that are not named."""
    return _naming(command, index, only) if command.is_graph else command


def _naming(command: Command, index: Index, only: Collection[str]) -> Command:
    found = (index.nodes[unique_id] for unique_id in sorted(only) if unique_id in index.nodes)
    select = tuple(map(_name, found))
    # Without --select dbt takes everything.
    exclude = () if select else _EVERYTHING
    return replace(
        command, select=select or _EVERYTHING, exclude=exclude, selector="", indirect=Indirect.EMPTY.value
    )


def _name(node: Node) -> str:
    if node.resource_type == "source":
        return f"source:{node.package_name}.{node.source_name}.{node.name}"
    if node.resource_type in _BY_TYPE:
        return f"{node.resource_type}:{node.package_name}.{node.name}"
    return "fqn:" + ".".join(node.fqn)


def _is_foreign(method: str, dbt_version: str) -> bool:
    return method == "connector" or (method == "selector" and _numbers(dbt_version) < _HAS_SELECTOR_METHOD)


def _numbers(dbt_version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in dbt_version.split(".")[:2] if part.isdecimal())
