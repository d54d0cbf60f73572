"""What a node's own `meta: {headgate: {timeout: 20m, pool: wh_large}}` asks for; a key that is not known is refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from headgate.domain.time_span import seconds_of
from headgate.errors import InputError

_KEYS = ("timeout", "pool", "connector", "connectors", "silent_after", "volatile")


@dataclass(frozen=True, slots=True)
class Wishes:
    """timeout: seconds after which an attempt is cancelled; None: the job's. pools: in which it takes a place each."""

    timeout: float | None = None
    pools: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Any) -> "Wishes":
        """Raises InputError; its text begins with the key that is wrong, as in `.timeout must be …`."""
        if said is None:
            return cls()
        if not isinstance(said, Mapping):
            raise InputError(f" must be a mapping of {', '.join(_KEYS)}, not {said!r}")
        for key in said:
            if key not in _KEYS:
                near = get_close_matches(str(key), _KEYS, n=1, cutoff=0.5)
                known = f"did you mean {near[0]}?" if near else f"known: {', '.join(_KEYS)}"
                raise InputError(f".{key} is not known; {known}")
        _check_reuse(said)
        return cls(_timeout(said.get("timeout")), _pools(said.get("pool")))


def _check_reuse(said: Mapping[str, Any]) -> None:
    """What reuse reads elsewhere (code_reading, manifest/nodes) and would leave out in silence if it were wrong."""
    if said.get("volatile") not in (None, "ignore", "build"):
        raise InputError(f".volatile must be ignore or build, not {said['volatile']!r}")
    for key in ("connector", "connectors"):
        names = said.get(key)
        names = names if isinstance(names, list) else [names] if names is not None else []
        if not all(isinstance(name, str | int) and name for name in names):
            raise InputError(f".{key} must be a connector's name or id or a list of them, not {said[key]!r}")
    if said.get("silent_after") is not None:
        try:
            seconds_of(said["silent_after"])
        except InputError as fault:
            raise InputError(f".silent_after {fault}") from fault


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    try:
        return seconds_of(value)
    except InputError as fault:
        raise InputError(f".timeout {fault}") from fault


def _pools(value: Any) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else [] if value is None else value
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise InputError(f".pool must be a pool's name or a list of them, not {value!r}")
    return tuple(dict.fromkeys(names))
