"""Who is upstream and downstream of whom, as plain dictionaries: made once, asked for every criterion.

A graph library is for ordering a build; walking a few edges of ten thousand nodes needs none.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from headgate.domain.index import Node
from headgate.domain.selection.spec import ALL_THE_WAY


class Relatives:
    """The edges between these nodes; edges that lead elsewhere are left out."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._parents: dict[str, Sequence[str]] = {}
        self._children: dict[str, list[str]] = defaultdict(list)
        for unique_id, node in nodes.items():
            known = [parent for parent in node.depends_on if parent in nodes]
            self._parents[unique_id] = known
            for parent in known:
                self._children[parent].append(unique_id)

    def ancestors(self, of: Iterable[str], depth: int = ALL_THE_WAY) -> set[str]:
        """What lies at most `depth` edges upstream; one of `of` only if it is upstream of another."""
        return _reach(self._parents, of, depth)

    def descendants(self, of: Iterable[str], depth: int = ALL_THE_WAY) -> set[str]:
        """What lies at most `depth` edges downstream; one of `of` only if downstream of another."""
        return _reach(self._children, of, depth)


def _reach(neighbours: Mapping[str, Sequence[str]], of: Iterable[str], depth: int) -> set[str]:
    reached: set[str] = set()
    layer = set(of)
    while layer and depth != 0:
        layer = {other for node in layer for other in neighbours.get(node, ())} - reached
        reached |= layer
        depth -= 1
    return reached
