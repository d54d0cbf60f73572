"""Holds the patches to the exact emulator they were written for.

The patches replace private functions of another project. A release that renames one would leave the original
in place and nobody would notice, so every patch takes what it replaces through ``anchor``: a missing name or
changed parameters stop the start-up with a message that says which patch has to be looked at.
"""

import inspect
from importlib.metadata import version
from typing import Any

MINISTACK_VERSION = "1.5.33"


class MissingAnchorError(RuntimeError):
    """The emulator is not the one that the patches were written for."""


def check_version() -> None:
    """Refuse any other release: patches lean on insides that are nobody's promise."""
    found = version("ministack")
    if found != MINISTACK_VERSION:
        raise MissingAnchorError(
            f"the local stack needs ministack {MINISTACK_VERSION} but found {found}; "
            "run `make setup`, or adapt headgate_local/emulator and its tests to the new release"
        )


def anchor(owner: Any, name: str, *parameters: str) -> Any:
    """Return ``owner.name`` after checking that it still takes these parameters (in this order, first ones)."""
    where = f"{getattr(owner, '__name__', owner)}.{name}"
    if not hasattr(owner, name):
        raise MissingAnchorError(f"{where} is gone from ministack {version('ministack')}")
    found = getattr(owner, name)
    if parameters:
        actual = tuple(inspect.signature(found).parameters)[: len(parameters)]
        if actual != parameters:
            raise MissingAnchorError(f"{where} now takes {actual}, expected {parameters}")
    return found


def anchor_text(owner: Any, name: str, text: str) -> str:
    """Return the string ``owner.name`` after checking that ``text`` occurs in it exactly once."""
    found = anchor(owner, name)
    if not isinstance(found, str) or found.count(text) != 1:
        raise MissingAnchorError(f"{owner.__name__}.{name} no longer contains {text!r} once")
    return found


def anchor_key(table: dict[str, Any], key: str, where: str) -> Any:
    """Return ``table[key]``, or stop with a message that names the table."""
    if key not in table:
        raise MissingAnchorError(f"{where} no longer knows {key!r}")
    return table[key]
