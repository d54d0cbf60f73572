"""What a method may look at: the nodes and what is looked up of them, an earlier run, and the other selectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headgate.domain.index import Node
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.ground import Ground
from headgate.domain.selection.spec import Criterion

Match = Callable[[Node], bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """selected_by: what the selector of a name selects; None while a text is only checked, without selectors.yml."""

    ground: Ground
    earlier: Earlier | None = None
    selected_by: Callable[[str], set[str]] | None = None

    @property
    def nodes(self) -> Mapping[str, Node]:
        return self.ground.nodes

    @property
    def selectors(self) -> tuple[str, ...]:
        """The names in selectors.yml."""
        return tuple(self.ground.index.selectors)

    def where(self, matches: Match) -> set[str]:
        """The unique_ids of the nodes that pass the test."""
        return {unique_id for unique_id, node in self.ground.nodes.items() if matches(node)}


Method = Callable[[Criterion, Scope], set[str]]
