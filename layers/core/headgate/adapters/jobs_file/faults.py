"""What is wrong with a jobs file, in words: pydantic's faults become one line each, with the nearest known key."""

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic_core import ErrorDetails

from headgate.adapters.jobs_file.document import Place
from headgate.adapters.jobs_file.entry import Entry, KeyFaultError
from headgate.adapters.jobs_file.whole import FileEntry

# Keys that the design knows and this version does not run yet, by the model that would have them.
_NOT_YET: dict[str, frozenset[str]] = {
    "FileEntry": frozenset({"defaults", "incidents"}),
    "EnvironmentEntry": frozenset({"image", "limits"}),
    "WhenEntry": frozenset({"pull_request"}),
    "JobEntry": frozenset({"defer", "timeout", "notify"}),
    "MatchEntry": frozenset({"owner", "path", "job", "environment", "node"}),
    "SendEntry": frozenset(
        {"pagerduty", "jira", "linear", "teams", "datadog", "webhook", "email", "discord", "opsgenie"}
    ),
}
# Words people write for ours that no spelling distance finds.
_MEANT = {
    "on": "when",
    "trigger": "when",
    "triggers": "when",
    "command": "run",
    "commands": "run",
    "steps": "run",
    "env": "variables",
    "env_vars": "variables",
    "interval": "every",
    "hours": "at",
    "tz": "timezone",
    "merge_request": "pull_request",
    "merged": "merge",
    "failed": "error",
    "failure": "error",
    "succeeded": "success",
    "canceled": "cancelled",
    "skip_if_running": "skip",
    "string": "text",
    "boolean": "bool",
    "integer": "number",
    "receiver": "from",
    "receivers": "from",
}
_KINDS = {
    str: "a text",
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
}


def explain(fault: ErrorDetails, place: Place) -> str:
    """One sentence for a fault found at `place`."""
    wording = _WORDINGS.get(fault["type"])
    return wording(fault, place) if wording else fault["msg"]


def is_noise(fault: ErrorDetails, unknown: Iterable[Place]) -> bool:
    """Whether a missing key is only the other side of a misspelt one beside it."""
    if fault["type"] != "missing":
        return False
    place = fault["loc"]
    beside = [str(other[-1]) for other in unknown if other[:-1] == place[:-1]]
    return any("send" in place or nearest(word, [str(place[-1])]) for word in beside)


def nearest(word: str, known: Iterable[str]) -> str:
    """` Did you mean x?` for the nearest known word, or nothing."""
    by_fold = {one.casefold(): one for one in known}
    folded = word.casefold()
    near = [_MEANT[folded]] if _MEANT.get(folded) in by_fold.values() else _beginnings(folded, by_fold)
    near = near or [by_fold[fold] for fold in get_close_matches(folded, by_fold, n=1, cutoff=0.5)]
    return f" Did you mean {near[0]}?" if near else ""


def _beginnings(word: str, by_fold: Mapping[str, str]) -> list[str]:
    """`mon` of `monday`."""
    return [known for fold, known in by_fold.items() if len(fold) >= 3 and word.startswith(fold)]


def _unknown_key(_: ErrorDetails, place: Place) -> str:
    holder, key = _holder(place[:-1]), str(place[-1])
    if holder is None:
        return "unknown key"
    if key in _NOT_YET.get(holder.__name__, ()):
        return "not supported yet"
    known = list(holder.known_keys())
    return f"unknown key.{nearest(key, known) or ' Known here: ' + ', '.join(known)}"


def _holder(place: Place) -> type[Entry] | None:
    """The model that reads the mapping at `place`."""
    found: Any = FileEntry
    for part in place:
        found = inside(found, part)
    if get_origin(found) is list:
        found = plain(get_args(found)[0])  # written as the one thing that a list of one would hold
    return found if isinstance(found, type) and issubclass(found, Entry) else None


def inside(kind: Any, part: Hashable) -> Any:
    """What reads the value at this key, or at this position, of a value of `kind`; None: nothing does."""
    if get_origin(kind) is list and not isinstance(part, int):
        kind = plain(get_args(kind)[0])  # written as the one thing that a list of one would hold
    if isinstance(kind, type) and issubclass(kind, Entry):
        known = kind.known_keys()
        kind = known[str(part)].annotation if part in known else None
    elif get_origin(kind) in (dict, list):
        kind = get_args(kind)[-1]
    return plain(kind)


def plain(kind: Any) -> Any:
    """Without the None that a key left out stands for, and without what checks it."""
    while get_origin(kind) is Annotated or get_origin(kind) in (Union, UnionType):
        kind = get_args(kind)[0]
    return kind


def _wrong_type(expected: str) -> Callable[[ErrorDetails, Place], str]:
    def wording(fault: ErrorDetails, place: Place) -> str:
        value = fault["input"]
        if value is None:
            return f"is empty; it must be {expected}{_comment_trap(place)}"
        return f"must be {expected}, not {_kind(value)}"

    return wording


def _comment_trap(place: Place) -> str:
    return (
        ' (quote the channel, as in "#finance-data": a bare # begins a comment)'
        if place[-1] == "slack"
        else ""
    )


def _kind(value: object) -> str:
    told = f" ({_shown(value)})" if isinstance(value, str | int | float) else ""
    return _KINDS.get(type(value), type(value).__name__) + told


def _shown(value: object) -> str:
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return "that number"
    return text if len(text) <= 80 else f"{text[:77]}…"


def _literal(fault: ErrorDetails, _: Place) -> str:
    allowed = str((fault.get("ctx") or {}).get("expected", ""))
    value = fault["input"]
    near = nearest(value, re.findall(r"'([^']+)'", allowed)) if isinstance(value, str) else ""
    shown = _kind(value) if isinstance(value, list | dict) else _shown(value)
    return f"must be {allowed}, not {shown}" + (f".{near}" if near else "")


def keys_of(fault: ErrorDetails) -> Place:
    """The keys, below the fault's place, that it is about."""
    error = (fault.get("ctx") or {}).get("error")
    return error.keys if isinstance(error, KeyFaultError) else ()


def _limits(fault: ErrorDetails, _: Place) -> str:
    bounds: Mapping[str, Any] = fault.get("ctx") or {}
    words = {"ge": "at least", "le": "at most"}
    return "must be " + " and ".join(f"{words[name]} {bounds[name]}" for name in bounds if name in words)


_WORDINGS: dict[str, Callable[[ErrorDetails, Place], str]] = {
    "extra_forbidden": _unknown_key,
    "invalid_key": lambda _fault, _place: "must be a text; put the name in quotes",
    "missing": lambda _fault, _place: "is missing",
    "string_type": _wrong_type("a text"),
    "int_type": _wrong_type("a whole number"),
    "float_type": _wrong_type("a length of time as in 20m"),
    "bool_type": _wrong_type("true or false"),
    "list_type": _wrong_type("a list"),
    "dict_type": _wrong_type("a mapping of names to settings"),
    "model_type": _wrong_type("a mapping (key: value)"),
    "model_attributes_type": _wrong_type("a mapping (key: value)"),
    "literal_error": _literal,
    "greater_than_equal": _limits,
    "less_than_equal": _limits,
    "string_too_short": lambda _fault, _place: "is empty",
    "string_too_long": lambda fault, _: (
        f"is longer than {(fault.get('ctx') or {}).get('max_length')} characters"
    ),
    "too_short": lambda _fault, _place: "needs at least one entry",
    "value_error": lambda fault, _: str((fault.get("ctx") or {}).get("error", fault["msg"])),
}
