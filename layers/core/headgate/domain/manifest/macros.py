"""The macros of a manifest as the index carries them."""

from collections.abc import Iterable, Mapping

from headgate.domain.code import Macro
from headgate.domain.entry import Entry, MacroEntry
from headgate.domain.manifest.signing import digest


def macros_of(macros: Mapping[str, MacroEntry], entries: Iterable[Entry]) -> dict[str, Macro]:
    """Of each macro its checksum, and of each that some entry reaches everything.

    The others are there because `state:` must tell a macro that is new from one that nobody called before.
    """
    reached = _reached(macros, {macro for entry in entries for macro in entry.macros})
    return {
        unique_id: _macro(macro) if unique_id in reached else Macro(checksum=digest(macro.macro_sql).hex())
        for unique_id, macro in macros.items()
    }


def _macro(macro: MacroEntry) -> Macro:
    return Macro(checksum=digest(macro.macro_sql).hex(), macros=macro.macros, path=macro.original_file_path)


def _reached(macros: Mapping[str, MacroEntry], called: set[str]) -> set[str]:
    waiting, reached = list(called), set(called)
    while waiting:
        macro = macros.get(waiting.pop())
        for other in macro.macros if macro else ():
            if other not in reached:
                reached.add(other)
                waiting.append(other)
    return reached
