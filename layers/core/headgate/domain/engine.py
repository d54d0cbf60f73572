"""Which engine does a step, and how one dbt command is told to build some nodes only."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.plan import Engine

# The versions whose insides the shared queue leans on; any other dbt is run as one command.
TESTED_DBT = (1, 11)
# Nodes that dbt's method `fqn` does not find or finds by another way.
_BY_TYPE = frozenset({"exposure", "unit_test", "saved_query"})


def engine_of(command: Command, dbt_version: str) -> Engine:
    """Node by node if the verb has a graph and dbt is in the tested range, else as one command."""
    version = tuple(int(part) for part in dbt_version.split(".")[:2] if part.isdecimal())
    return Engine.SHARED if command.is_graph and version == TESTED_DBT else Engine.COMMAND


def restricted_to(command: Command, index: Index, only: Collection[str]) -> Command:
    """The same command for these nodes alone, in dbt's own words; dbt brings no tests along that are not named."""
    if not command.is_graph:
        return command
    options = (*_without_indirect_selection(command.options), "--indirect-selection", "empty")
    found = (index.nodes[unique_id] for unique_id in sorted(only) if unique_id in index.nodes)
    select = tuple(
        f"{node.resource_type}:{node.package_name}.{node.name}"
        if node.resource_type in _BY_TYPE
        else "fqn:" + ".".join(node.fqn)
        for node in found
    )
    return replace(command, select=select, exclude=(), options=options)


def _without_indirect_selection(options: Sequence[str]) -> Iterator[str]:
    for before, word in zip(("", *options), options, strict=False):
        if "--indirect-selection" not in (before, word):
            yield word
