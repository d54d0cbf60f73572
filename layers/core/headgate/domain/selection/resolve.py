"""The way into selection: from what a command says to the nodes it selects."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from headgate.domain.index import Index
from headgate.domain.selection.combine import Combination
from headgate.domain.selection.definitions import definition_of
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.ground import Ground
from headgate.domain.selection.spec import Criterion, Group, Indirect, Operation, Spec
from headgate.domain.selection.text import difference

# dbt's own for a missing --select (dbt.graph.cli.DEFAULT_INCLUDES): everything there is, tests included.
_EVERYTHING = Group(
    Operation.UNION,
    tuple(
        Criterion(f"{method}:*", method, "*", indirect=Indirect.EMPTY)
        for method in ("fqn", "source", "exposure", "metric", "semantic_model")
    ),
)


@dataclass(frozen=True, slots=True)
class Resolved:
    """The selected unique_ids. `unmatched`: parts of the text, or the selector, that selected nothing."""

    nodes: frozenset[str]
    unmatched: tuple[str, ...] = ()


class Resolver:
    """Resolves selections against one index. Disabled nodes are never selected.

    earlier: what `state:`, `result:` and `source_status:` compare with.
    """

    def __init__(self, index: Index, earlier: Earlier | None = None) -> None:
        self._ground, self._earlier = Ground(index), earlier

    def resolve(
        self,
        select: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        selector: str = "",
        indirect: str = Indirect.EAGER,
        resource_types: Collection[str] | None = None,
    ) -> Resolved:
        """What `--select` and `--exclude`, or `--selector`, leave; of these resource types, or of all.

        Without any of them it is the project's default selector, and without one everything. An empty `indirect` is
        eager. Raises SelectionError.
        """
        mode = Indirect(indirect or Indirect.EAGER)
        default = "" if select or exclude else self._ground.index.default_selector
        name = selector or default or ""
        combination = Combination(self._ground, self._earlier, mode, resource_types)
        found = combination.found(self._spec(name, select, exclude, mode)).direct
        unmatched = (*combination.unmatched, *([f"--selector {name}"] if name and not found else []))
        if resource_types is not None:
            return Resolved(self._ground.of_types(found, resource_types), unmatched)
        return Resolved(frozenset(found), unmatched)

    def _spec(self, name: str, select: Sequence[str], exclude: Sequence[str], mode: Indirect) -> Spec:
        if name:
            return definition_of(self._ground.index.selectors, name, mode)
        return difference(select, exclude, mode, _EVERYTHING)
