"""Whose data a node reads: its parents, and what lies behind those that hold none."""

from collections.abc import Mapping

from headgate.domain.index import Index, Node

_HOLDS_DATA = frozenset({"model", "seed", "snapshot", "source", "function"})


def is_transparent(node: Node) -> bool:
    """Whether it holds no data, so that whoever reads it reads what lies behind it: views and ephemeral models."""
    return node.resource_type == "model" and node.materialized in ("view", "ephemeral")


class Lineage:
    """Of one project. Every answer is worked out once."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._behind: dict[str, tuple[str, ...]] = {}

    def reads(self, unique_id: str) -> tuple[tuple[str, ...], ...]:
        """For each direct parent what a change of its data is seen by: itself, then what lies behind it."""
        return tuple((parent, *self.behind(parent)) for parent in self._parents(unique_id))

    def sees(self, unique_id: str) -> tuple[str, ...]:
        """All upstreams whose data it reads."""
        return tuple(dict.fromkeys(upstream for group in self.reads(unique_id) for upstream in group))

    def behind(self, unique_id: str) -> tuple[str, ...]:
        """What a transparent node lets through; nothing of one that holds data."""
        waiting = [unique_id]
        while waiting:
            node = waiting[-1]
            if node in self._behind:
                waiting.pop()
                continue
            parents = self._parents(node) if is_transparent(self._index.nodes[node]) else ()
            missing = [parent for parent in parents if parent not in self._behind]
            if missing:
                waiting += missing
                continue
            found = (upstream for parent in parents for upstream in (parent, *self._behind[parent]))
            self._behind[waiting.pop()] = tuple(dict.fromkeys(found))
        return self._behind[unique_id]

    def _parents(self, unique_id: str) -> tuple[str, ...]:
        nodes = self._index.nodes
        return tuple(
            dict.fromkeys(
                parent for parent in nodes[unique_id].depends_on
                if parent in nodes and nodes[parent].resource_type in _HOLDS_DATA
            )
        )  # fmt: skip


def sees(index: Index) -> Mapping[str, tuple[str, ...]]:
    """unique_id -> the upstreams whose data it reads."""
    lineage = Lineage(index)
    return {unique_id: lineage.sees(unique_id) for unique_id in index.nodes}
