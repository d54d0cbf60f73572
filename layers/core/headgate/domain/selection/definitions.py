"""The definitions of selectors.yml: texts, mappings with a method, and lists of them united or intersected.

Both spellings are read: as people write it, and as the manifest has it (texts taken apart, other selectors put in
their place). The rules are those of dbt.graph.cli; where dbt takes an `exclude` beside a method inside a list
for the list's own, so does this.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.selection.methods import check_method
from headgate.domain.selection.methods.selectors import unknown
from headgate.domain.selection.spec import (
    ALL_THE_WAY,
    Criterion,
    Group,
    Indirect,
    Operation,
    Spec,
)
from headgate.domain.selection.text import criterion
from headgate.errors import DefinitionError, SelectionError

Place = tuple[str | int, ...]
_LISTS = ("union", "intersection")


def read_definition(definition: Any, indirect: Indirect = Indirect.EAGER, others: Sequence[Any] = ()) -> Spec:
    """The tree of one definition. indirect: the mode of every criterion that says none. others: all definitions of
    the manifest, to know those that dbt has put in the place of a selector's name.

    Raises DefinitionError with the place inside the definition.
    """
    if isinstance(definition, Mapping) and len(definition) > 1 and set(_LISTS) & definition.keys():
        raise DefinitionError(
            (),
            f"a definition is one union or one intersection, and nothing beside; found {_listed(definition)}",
        )
    return _Reader(indirect, others).spec(definition, ())


def definition_of(selectors: Mapping[str, Any], name: str, indirect: Indirect = Indirect.EAGER) -> Spec:
    """The tree of a selector, by its name in the manifest's `selectors`. Raises SelectionError."""
    if name not in selectors:
        raise SelectionError(unknown(name, tuple(selectors)))
    definitions = {
        key: entry.get("definition") if isinstance(entry, Mapping) else None
        for key, entry in selectors.items()
    }
    try:
        return read_definition(definitions[name], indirect, tuple(definitions.values()))
    except DefinitionError as fault:
        raise SelectionError(f"the selector {name!r}: {fault}") from fault


@dataclass(frozen=True, slots=True)
class _Reader:
    indirect: Indirect
    others: Sequence[Any]

    def spec(self, value: Any, place: Place) -> Spec:
        if isinstance(value, str):
            return self._text(value, place)
        if not isinstance(value, Mapping):
            raise DefinitionError(place, f"must be a text or a mapping, not {type(value).__name__}")
        for operation in _LISTS:
            if operation in value:
                return self._combined(Operation(operation), value[operation], (*place, operation))
        return self._method(value, place)

    def _text(self, text: str, place: Place) -> Criterion:
        try:
            found = criterion(text, text, self.indirect)
            check_method(found)
        except SelectionError as fault:
            raise DefinitionError(place, str(fault)) from fault
        return found

    def _combined(self, operation: Operation, value: Any, place: Place) -> Group:
        kept: list[Spec] = []
        left_out: Spec | None = None
        for number, item in enumerate(_list(value, place)):
            if isinstance(item, Mapping) and "exclude" in item and item not in self.others:
                if left_out is not None:
                    raise DefinitionError((*place, number), "there is more than one exclude in this list")
                left_out = self._exclude(item, (*place, number))
            else:
                kept.append(self.spec(item, (*place, number)))
        group = Group(operation, tuple(kept))
        return group if left_out is None else Group(Operation.DIFFERENCE, (group, left_out))

    def _exclude(self, holder: Mapping[str, Any], place: Place) -> Spec | None:
        place = (*place, "exclude")
        parts = tuple(
            self.spec(item, (*place, number)) for number, item in enumerate(_list(holder["exclude"], place))
        )
        if len(parts) < 2:
            return parts[0] if parts else None
        return Group(Operation.UNION, parts)

    def _method(self, value: Mapping[str, Any], place: Place) -> Spec:
        if len(value) == 1:
            ((key, wanted),) = value.items()
            beside = (*place, str(key))
            return self._criterion({"method": key, "value": wanted}, place, beside, beside)
        if not {"method", "value"} <= value.keys():
            raise DefinitionError(
                place, f"needs a method and a value, or one method: value; found {_listed(value)}"
            )
        left_out = self._exclude(value, place) if "exclude" in value else None
        found = self._criterion(value, place, (*place, "method"), (*place, "value"))
        return found if left_out is None else Group(Operation.DIFFERENCE, (found, left_out))

    def _criterion(
        self, value: Mapping[str, Any], place: Place, named_at: Place, value_at: Place
    ) -> Criterion:
        name, literal = str(value["method"]), value["value"]
        method, *arguments = name.split(".")
        found = Criterion(
            text=f"{name}:{literal}",
            method=method,
            value=_value(literal, method, value_at),
            arguments=tuple(arguments),
            parents=_distance(value, "parents", place),
            children=_distance(value, "children", place),
            childrens_parents=bool(value.get("childrens_parents")),
            indirect=self._mode(value, place),
            literal=None if isinstance(literal, str) else literal,
        )
        try:
            check_method(found)
        except SelectionError as fault:
            raise DefinitionError(named_at, str(fault)) from fault
        if found.childrens_parents and found.children is not None:
            raise DefinitionError(
                (*place, "childrens_parents"), "children and childrens_parents exclude each other"
            )
        return found

    def _mode(self, value: Mapping[str, Any], place: Place) -> Indirect:
        if "indirect_selection" not in value:
            return self.indirect
        try:
            return Indirect(value["indirect_selection"])
        except ValueError:
            raise DefinitionError(
                (*place, "indirect_selection"),
                f"must be {', '.join(Indirect)}, not {value['indirect_selection']!r}",
            ) from None


def _value(value: Any, method: str, place: Place) -> str:
    if isinstance(value, str) and value:
        return value
    if method == "config" and isinstance(value, bool | int | float):
        return str(value)
    raise DefinitionError(place, f"the value of {method!r} must be a text, not {value!r}")


def _distance(value: Mapping[str, Any], direction: str, place: Place) -> int | None:
    if not value.get(direction):
        return None
    depth = value.get(f"{direction}_depth")
    # dbt takes the number 0 for no limit; the manifest has the text "0" where somebody wrote 0+
    if not depth:
        return ALL_THE_WAY
    try:
        number = int(depth)
    except (TypeError, ValueError):
        number = -1
    if number < 0:
        raise DefinitionError((*place, f"{direction}_depth"), f"must be a number of edges, not {depth!r}")
    return number


def _list(value: Any, place: Place) -> list[Any]:
    if not isinstance(value, list):
        raise DefinitionError(place, f"must be a list, not {type(value).__name__}")
    return value


def _listed(value: Mapping[Any, Any]) -> str:
    return ", ".join(map(str, value)) or "nothing"
