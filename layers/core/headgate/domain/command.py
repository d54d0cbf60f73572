"""A step's command: the one line of a job that dbt's users know, taken apart and put together again.

Only what the planner and the runner understand is accepted; anything else is refused with its nearest
neighbour, so that a job can never smuggle `--profiles-dir` or a shell into a runner.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from headgate.errors import CommandError

VERBS = ("build",)
_LISTS = {"--select": "select", "-s": "select", "--models": "select", "-m": "select", "--exclude": "exclude"}
_SWITCHES = {"--full-refresh": "full_refresh", "-f": "full_refresh"}
_OPTIONS = sorted({*_LISTS, *_SWITCHES, "--vars"})


@dataclass(frozen=True, slots=True)
class Command:
    """One dbt command. `select` and `exclude` hold dbt's selection strings; `vars` is JSON with sorted keys."""

    verb: str
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    vars: str = field(default="{}")

    @property
    def vars_digest(self) -> str:
        """Which parse of the project this command needs: `--vars` can change what dbt parses."""
        return sha256(self.vars.encode()).hexdigest()[:16]

    @classmethod
    def parse(cls, text: str) -> "Command":
        """Read one line such as `dbt build --select tag:finance+`.

        Raises CommandError with what is wrong and the nearest thing that is right.
        """
        words = _words(text)
        if len(words) < 2 or words[0] != "dbt":
            raise CommandError(f"{text!r} is not a dbt command: it starts with 'dbt', then one of {VERBS}")
        if words[1] not in VERBS:
            raise CommandError(
                f"'dbt {words[1]}' cannot be a step: only {', '.join('dbt ' + v for v in VERBS)}"
            )
        return cls(verb=words[1], **_options(words[2:]))


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as fault:
        raise CommandError(f"{text!r}: {fault}") from fault


def _options(words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    position = 0
    while position < len(words):
        name, given, inline = words[position].partition("=")
        position += 1
        if name in _SWITCHES:
            if given:
                raise CommandError(f"{name} takes no value")
            found[_SWITCHES[name]] = True
            continue
        if name not in _LISTS and name != "--vars":
            raise _unknown(name)
        values = [inline] if given else list(_values(words, position))
        position += 0 if given else len(values)
        if not any(values):
            raise CommandError(f"{name} needs a value")
        if name == "--vars":
            found["vars"] = _vars(" ".join(values))
        else:
            found[_LISTS[name]] = (*found.get(_LISTS[name], ()), *values)
    return found


def _values(words: Sequence[str], start: int) -> Sequence[str]:
    end = next((i for i in range(start, len(words)) if words[i].startswith("-")), len(words))
    return words[start:end]


def _unknown(name: str) -> CommandError:
    near = get_close_matches(name, _OPTIONS, n=1, cutoff=0.5)
    return CommandError(f"option {name!r} is not known" + (f"; did you mean {near[0]}?" if near else ""))


def _vars(text: str) -> str:
    # dbt reads --vars as YAML; JSON is what a step may use, so that reading it needs no YAML here.
    try:
        value = json.loads(text)
    except ValueError as fault:
        raise CommandError(f"--vars must be a JSON object, as in --vars '{{\"day\": 1}}': {fault}") from fault
    if not isinstance(value, dict):
        raise CommandError(f"--vars must be a JSON object, got {text!r}")
    return json.dumps(value, sort_keys=True)
