"""The macros of a manifest as the index carries them."""

from collections.abc import Mapping

from msgspec.structs import replace

from headgate.domain.code import Macro
from headgate.domain.code_reading import Callables, macro_of
from headgate.domain.entry import MacroEntry
from headgate.domain.manifest.signing import digest


def macros_of(macros: Mapping[str, MacroEntry], callables: Callables) -> dict[str, Macro]:
    """All of them: `state:` must tell a macro that is new from one that nobody called before."""
    return {unique_id: _macro(macro, callables) for unique_id, macro in macros.items()}


def _macro(entry: MacroEntry, callables: Callables) -> Macro:
    macro = macro_of(entry, callables)
    called = None if set(macro.macros) == set(entry.macros) else entry.macros
    return replace(macro, checksum=digest(entry.macro_sql).hex(), called=called)
