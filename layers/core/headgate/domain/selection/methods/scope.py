"""What a method may look at: the enabled nodes, the project, an earlier run, and the other selectors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from headgate.domain.index import Index, Node
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.spec import Criterion

Match = Callable[[Node], bool]


@dataclass(frozen=True, slots=True)
class Scope:
    """nodes: those that can be selected. selected_by: what the definition of a selector's name selects; None while
    a text is only checked and selectors.yml is not at hand."""

    index: Index
    nodes: Mapping[str, Node]
    earlier: Earlier | None = None
    selectors: tuple[str, ...] = ()
    selected_by: Callable[[str], set[str]] | None = field(default=None, compare=False)

    def where(self, matches: Match) -> set[str]:
        """The unique_ids of the nodes that pass the test."""
        return {unique_id for unique_id, node in self.nodes.items() if matches(node)}


Method = Callable[[Criterion, Scope], set[str]]
