"""From a tree of criteria to nodes, step by step as dbt.graph.selector.NodeSelector goes.

Each criterion brings the tests of what it selects; then sets are combined; and in the modes cautious and
buildable the tests that lacked a parent are looked at once more in the combined set.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import reduce
from operator import and_, or_, sub

from headgate.domain.selection.definitions import definition_of
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.ground import Ground
from headgate.domain.selection.methods import find
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.spec import Criterion, Group, Indirect, Operation, Spec
from headgate.errors import SelectionError

_OPERATIONS: dict[Operation, Callable[[set[str], set[str]], set[str]]] = {
    Operation.UNION: or_,
    Operation.INTERSECTION: and_,
    Operation.DIFFERENCE: sub,
}


@dataclass(frozen=True, slots=True)
class Found:
    """direct: what is selected. waiting: tests of it with a parent that is not selected."""

    direct: set[str]
    waiting: set[str]


@dataclass(slots=True)
class Combination:
    """One selection on its way through its tree.

    mode: of criteria that say none. resource_types: what the command keeps in the end; dbt applies it to what a
    `selector:` selects, too. unmatched: what was written and selects nothing, in order.
    """

    ground: Ground
    earlier: Earlier | None
    mode: Indirect
    resource_types: Collection[str] | None = None
    unmatched: list[str] = field(default_factory=list)
    _names: list[str] = field(default_factory=list)

    def found(self, spec: Spec) -> Found:
        """Raises SelectionError."""
        return self._criterion(spec) if isinstance(spec, Criterion) else self._group(spec)

    def _group(self, group: Group) -> Found:
        found = [self.found(part) for part in group.parts]
        if not found:
            return Found(set(), set())
        combined = _OPERATIONS[group.operation]
        direct = reduce(combined, [one.direct for one in found])
        waiting = reduce(combined, [one.direct | one.waiting for one in found])
        direct = direct | self._completed(direct, waiting, group.indirect)
        if group.expected and not direct:
            self.unmatched.append(group.text)
        return Found(direct, waiting)

    def _completed(self, direct: set[str], waiting: set[str], mode: Indirect) -> set[str]:
        """The data tests that were waiting for parents which other parts of the group brought."""
        if mode is Indirect.CAUTIOUS:
            there = direct
        elif mode is Indirect.BUILDABLE and waiting != direct:
            there = direct | self.ground.relatives.ancestors(direct)
        else:
            return set()
        tests = self.ground.of_types(waiting - direct, {"test"})
        return {test for test in tests if self.ground.has_parents_in(test, there)}

    def _criterion(self, criterion: Criterion) -> Found:
        matched = self._matched(criterion)
        selected = matched | self._neighbours(criterion, matched)
        # What a selector selects has its tests already, and is without those that it excludes.
        if criterion.indirect is Indirect.EMPTY or criterion.method == "selector":
            return Found(selected, set())
        tests = self.ground.tests_of(selected) - selected
        if criterion.indirect is Indirect.EAGER:
            return Found(selected | tests, set())
        there: Collection[str] = selected
        if criterion.indirect is Indirect.BUILDABLE:
            there = selected | self.ground.relatives.ancestors(selected) | self.ground.sources
        complete = {test for test in tests if self.ground.has_parents_in(test, there)}
        return Found(selected | complete, tests - complete)

    def _matched(self, criterion: Criterion) -> set[str]:
        return find(criterion, Scope(self.ground, self.earlier, self._selected_by))

    def _neighbours(self, criterion: Criterion, matched: set[str]) -> set[str]:
        chosen: set[str] = set()
        relatives = self.ground.relatives
        if criterion.childrens_parents:
            below = matched | relatives.descendants(matched)
            chosen |= below | relatives.ancestors(below)
        if criterion.parents is not None:
            chosen |= relatives.ancestors(matched, criterion.parents)
        if criterion.children is not None:
            chosen |= relatives.descendants(matched, criterion.children)
        return chosen

    def _selected_by(self, name: str) -> set[str]:
        """What a selector selects on its own, for `selector:`."""
        if name in self._names:
            way = " -> ".join((*self._names[self._names.index(name) :], name))
            raise SelectionError(f"selectors.yml: selectors select each other: {way}")
        self._names.append(name)
        found = self.found(definition_of(self.ground.index.selectors, name, self.mode)).direct
        self._names.pop()
        return found if self.resource_types is None else set(self.ground.of_types(found, self.resource_types))
