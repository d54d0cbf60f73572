"""A reuse policy with some keys changed, as `headgate simulate --policy key=value` says it: the words of the file."""

from collections.abc import Sequence
from dataclasses import replace

from pydantic import ValidationError

from headgate.adapters.jobs_file.faults import nearest
from headgate.adapters.jobs_file.jobs import ReuseEntry
from headgate.domain.job import ReusePolicy
from headgate.errors import InputError

_WORDS: dict[str, bool] = {"true": True, "false": False}


def changed_policy(policy: ReusePolicy, assignments: Sequence[str]) -> ReusePolicy:
    """`policy` with each `key=value` of `reuse:` in its place. Raises InputError with the nearest key."""
    given: dict[str, object] = {}
    for text in assignments:
        key, sign, value = text.partition("=")
        if not sign:
            raise InputError(f"--policy {text!r}: write key=value, as in unchanged=true")
        if key not in ReuseEntry.model_fields:
            hint = nearest(key, ReuseEntry.model_fields) or f" Known: {', '.join(ReuseEntry.model_fields)}"
            raise InputError(f"--policy {text!r}: there is no key {key!r} in reuse.{hint}")
        given[key] = _WORDS.get(value, int(value) if value.isascii() and value.isdigit() else value)
    try:
        entry = ReuseEntry.model_validate(given)
    except ValidationError as fault:
        told = "; ".join(f"{'.'.join(map(str, error['loc']))}: {error['msg']}" for error in fault.errors())
        raise InputError(f"--policy {told}") from fault
    return _taken_over(policy, entry, frozenset(given))


def _taken_over(policy: ReusePolicy, entry: ReuseEntry, given: frozenset[str]) -> ReusePolicy:
    values: dict[str, tuple[str, object]] = {
        "unchanged": ("unchanged", entry.unchanged),
        "batch_tests": ("batch_tests", entry.batch_tests),
        "code_change": ("respect_window", entry.code_change == "respect_window"),
        "volatile": ("ignore_volatile", entry.volatile == "ignore"),
        "look_every": ("look_every", entry.look_every),
        "silent_after": ("silent_after", entry.silent_after),
    }
    changes = dict(values[key] for key in given)
    return replace(policy, **changes)  # type: ignore[arg-type]
