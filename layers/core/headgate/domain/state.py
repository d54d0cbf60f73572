"""Two indexes of one project compared as dbt compares two manifests: what `state:` selects.

Source: `StateSelectorMethod` in dbt/graph/selector_methods.py of dbt-core 1.11. Differences, both on purpose: dbt ends
the command when a versioned model breaks its contract, here that model is modified; and dbt warns of big seeds, whose
contents it does not see.
"""

from collections.abc import Callable, Mapping
from functools import cached_property

from headgate.domain.code import Macro
from headgate.domain.index import Index, Node
from headgate.domain.signature import Signature
from headgate.errors import InputError

# Aspects of `state:modified.<aspect>`, as dbt names them.
ASPECTS = ("body", "configs", "persisted_descriptions", "relation", "macros", "contract")
# dbt calls one of these modified only if it was there before.
_NEW_IS_UNMODIFIED = frozenset({"source", "exposure", "metric", "semantic_model", "saved_query"})
_UNRENDERED_SINCE = (1, 12)


class Comparison:
    """Of a project's index with an earlier one of the same project; sets of unique_ids of the later index.

    Raises InputError: another project, or an earlier index that does not say what to compare.
    """

    def __init__(self, index: Index, previous: Index) -> None:
        # Some manifests of old versions have no name.
        if previous.project_name and index.project_name and index.project_name != previous.project_name:
            raise InputError(
                f"state: cannot compare project {index.project_name!r} with a manifest of {previous.project_name!r}"
            )
        for which, one in (("this", index), ("the previous", previous)):
            if not is_signed(one):
                raise InputError(
                    f"state: {which} bundle was made by an earlier version of Headgate: publish again"
                )
        self._nodes, self._before = index.nodes, previous.nodes
        self._macros, self._macros_before = index.macros, previous.macros
        self._unrendered = compares_unrendered(index)
        self._aspects: Mapping[str, Callable[[Node], bool]] = {
            "body": self._has_other_body,
            "configs": self._has_other_configs,
            "persisted_descriptions": self._has_other_descriptions,
            "relation": self._has_other_relation,
            "macros": self._calls_modified,
            "contract": self._has_other_contract,
        }

    @cached_property
    def new(self) -> frozenset[str]:
        return frozenset(self._nodes.keys() - self._before.keys())

    @cached_property
    def old(self) -> frozenset[str]:
        return frozenset(self._nodes.keys() & self._before.keys())

    @cached_property
    def unmodified(self) -> frozenset[str]:
        return frozenset(self._nodes.keys() - self.modified())

    def modified(self, aspect: str = "") -> frozenset[str]:
        """What differs at all, or in one of `ASPECTS`. Raises InputError for another aspect."""
        if aspect not in ("", *ASPECTS):
            raise InputError(f"state:modified.{aspect} is unknown; known: {', '.join(ASPECTS)}")
        differs = self._aspects[aspect] if aspect else self._is_modified
        return frozenset(unique_id for unique_id, node in self._nodes.items() if differs(node))

    def _is_modified(self, node: Node) -> bool:
        return self._has_other_contents(node) or self._calls_modified(node)

    def _has_other_contents(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        if before is None:
            return node.resource_type not in _NEW_IS_UNMODIFIED
        one, other = node.signature, before.signature
        if one.configs != other.configs or one.rest != other.rest:
            return True
        if node.test_name is not None:  # of a generic test dbt compares nothing else
            return False
        return (
            one.body != other.body
            or self._relation(one) != self._relation(other)
            or one.contract != other.contract
            or not _same_descriptions(one, other)
        )

    def _has_other_body(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        return _is_built(node) and (before is None or node.signature.body != before.signature.body)

    def _has_other_configs(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        return node.resource_type != "unit_test" and (
            before is None or node.signature.configs != before.signature.configs
        )

    def _has_other_descriptions(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        return _is_built(node) and (
            before is None or not _same_descriptions(node.signature, before.signature)
        )

    def _has_other_relation(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        return (_is_built(node) or node.resource_type == "source") and (
            before is None or self._relation(node.signature) != self._relation(before.signature)
        )

    def _has_other_contract(self, node: Node) -> bool:
        before = self._before.get(node.unique_id)
        return _is_built(node) and (before is None or node.signature.contract != before.signature.contract)

    def _relation(self, signature: Signature) -> bytes:
        return signature.relation if self._unrendered else signature.rendered or signature.relation

    def _calls_modified(self, node: Node) -> bool:
        said = node.signature.macros
        return not self._modified_macros.isdisjoint(node.code.macros if said is None else said)

    @cached_property
    def _modified_macros(self) -> frozenset[str]:
        """Macros with another text, new ones, gone ones, and whatever calls one of them."""
        now, before = self._macros, self._macros_before
        waiting = [
            macro
            for macro in now.keys() | before.keys()
            if macro not in now or macro not in before or now[macro].checksum != before[macro].checksum
        ]
        callers = _callers(now) if waiting else {}
        modified = set(waiting)
        while waiting:
            for caller in callers.get(waiting.pop(), ()):
                if caller not in modified:
                    modified.add(caller)
                    waiting.append(caller)
        return frozenset(modified)


def is_signed(index: Index) -> bool:
    """Whether the index can be compared: those of the versions before signed nothing."""
    return all(node.signature.rest for node in index.nodes.values())


def compares_unrendered(index: Index) -> bool:
    """Whether a source's database and schema are compared as they are written, before Jinja.

    The project's flag `state_modified_compare_more_unrendered_values`; where it is not known, dbt's default.
    """
    if index.compare_unrendered is not None:
        return index.compare_unrendered
    numbers = index.dbt_version.split(".")[:2]
    return all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) >= _UNRENDERED_SINCE


def _is_built(node: Node) -> bool:
    """Whether dbt keeps it as a node with code: it has a body, a relation and descriptions to compare."""
    return node.is_parsed or node.resource_type == "function"


def _same_descriptions(one: Signature, other: Signature) -> bool:
    """What the later one writes into the warehouse decides what is compared."""
    return not any(
        ("relation" in one.persists and one.description != other.description,
         "columns" in one.persists and one.columns != other.columns)
    )  # fmt: skip


def _callers(macros: Mapping[str, Macro]) -> dict[str, list[str]]:
    callers: dict[str, list[str]] = {}
    for unique_id, macro in macros.items():
        for called in macro.macros if macro.called is None else macro.called:
            callers.setdefault(called, []).append(unique_id)
    return callers
