"""Code and Macro out of a manifest's entries: what reuse has to know of them, read once, at publish."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headgate.domain.batch_reading import batch_of
from headgate.domain.code import Code, Macro
from headgate.domain.entry import Entry, MacroEntry


@dataclass(frozen=True, slots=True)
class Callables:
    """The macros that code may call by name: unique_ids by name, of the project and its packages, not dbt's own.

    dbt says which macros an entry calls, but not those behind `{% if execute %}`. standing_in: those that stand in for
    one of dbt's own.
    """

    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    standing_in: frozenset[str] = frozenset()

    @classmethod
    def of(cls, macros: Iterable[MacroEntry], adapter_type: str = "") -> "Callables":
        """Of all macros of a manifest."""
        return cls()


def code_of(entry: Entry, callables: Callables = Callables()) -> Code:
    """Of one entry of any section; those without code have an empty one. To be called for every node."""
    return Code(macros=entry.macros, batch=batch_of(entry))


def macro_of(entry: MacroEntry, callables: Callables = Callables()) -> Macro:
    """Of one macro. To be called for every macro outside dbt's own packages, and for those of dbt that are reached."""
    return Macro(macros=entry.macros, path=entry.original_file_path)
