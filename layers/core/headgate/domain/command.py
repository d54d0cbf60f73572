"""A step's command: the one line of a job that dbt's users know, taken apart and put together again.

Only what the planner and the runner understand is accepted; anything else is refused with its nearest
neighbour, so that a job can never smuggle `--profiles-dir` or a shell into a runner.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from headgate.domain.command_options import GRAPH_VERBS, VERBS, Option, Takes, option_of
from headgate.errors import CommandError

_MACRO = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Command:
    """One dbt command.

    verb: one of `VERBS`. select, exclude: dbt's selection strings. vars: JSON with sorted keys. fail_fast: None
    leaves it to the project's flags. macro: what `run-operation` calls. state: the environment whose last successful
    bundle is what `state:` compares with, `--defer` refers to and `clone` copies from; the runner says where it lies.
    selector: a name of selectors.yml. indirect: dbt's mode of selecting tests. defer, favor_state: None leaves them at
    dbt's default. options: whatever else was given, checked, as dbt's own words.
    """

    verb: str
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    full_refresh: bool = False
    vars: str = "{}"
    fail_fast: bool | None = None
    resource_types: tuple[str, ...] = ()
    exclude_resource_types: tuple[str, ...] = ()
    store_failures: bool = False
    macro: str = ""
    state: str = ""
    selector: str = ""
    indirect: str = ""
    defer: bool | None = None
    favor_state: bool | None = None
    options: tuple[str, ...] = ()

    @property
    def is_graph(self) -> bool:
        """Whether its nodes can be handed out one by one, over all runners."""
        return self.verb in GRAPH_VERBS

    @property
    def vars_digest(self) -> str:
        """Which parse of the project this command needs: `--vars` can change what dbt parses."""
        return sha256(self.vars.encode()).hexdigest()[:16]

    def with_vars(self, given: str) -> "Command":
        """With these variables (a JSON object) before its own; `dbt retry` repeats a command with that one's."""
        if given == "{}" or self.verb == "retry":
            return self
        return replace(self, vars=json.dumps({**json.loads(self.vars), **json.loads(given)}, sort_keys=True))

    @property
    def words(self) -> list[str]:
        """dbt's arguments for this command, without where it runs (target, folders, threads, state)."""
        words = [*self.verb.split(), *([self.macro] if self.macro else []), *self.options]
        words += ["--full-refresh"] if self.full_refresh else []
        if self.fail_fast is not None:
            words += ["--fail-fast" if self.fail_fast else "--no-fail-fast"]
        words += ["--store-failures"] if self.store_failures else []
        for name, chosen in (("defer", self.defer), ("favor-state", self.favor_state)):
            words += [] if chosen is None else [f"--{name}" if chosen else f"--no-{name}"]
        for name, values in (
            ("--resource-type", self.resource_types),
            ("--exclude-resource-type", self.exclude_resource_types),
            ("--select", self.select),
            ("--exclude", self.exclude),
            ("--selector", (self.selector,) if self.selector else ()),
            ("--indirect-selection", (self.indirect,) if self.indirect else ()),
        ):
            words += [word for value in values for word in (name, value)]
        return words + (["--vars", self.vars] if self.vars != "{}" else [])

    @property
    def line(self) -> str:
        """The command as a person would type it into a shell."""
        return shlex.join(["dbt", *self.words, *(["--state", self.state] if self.state else [])])

    @classmethod
    def parse(cls, text: str) -> "Command":
        """Read one line such as `dbt build --select tag:finance+`.

        Raises CommandError with what is wrong and the nearest thing that is right.
        """
        words = _words(text)
        if len(words) < 2 or words[0] != "dbt":
            raise CommandError(
                f"{text!r} is not a dbt command: it starts with 'dbt', then one of {', '.join(VERBS)}"
            )
        verb, rest = _verb(words[1:])
        macro, rest = _macro(verb, rest)
        command = cls(verb=verb, macro=macro, **_options(verb, rest))
        _check_whole(command)
        return command


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as fault:
        raise CommandError(f"{text!r}: {fault}") from fault


def _verb(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    for length in (2, 1):
        verb = " ".join(words[:length])
        if verb in VERBS:
            return verb, words[length:]
    if words[0].startswith("-"):
        raise CommandError(f"the verb comes first: write {words[0]} behind it")
    near = get_close_matches(words[0], VERBS, n=1)
    raise CommandError(
        f"'dbt {words[0]}' cannot be a step: "
        + (f"did you mean dbt {near[0]}?" if near else f"only {', '.join('dbt ' + verb for verb in VERBS)}")
    )


def _macro(verb: str, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    if verb != "run-operation":
        return "", words
    if not words or not _MACRO.fullmatch(words[0]):
        raise CommandError(
            "dbt run-operation is followed by a macro's name, then by --args and other options"
        )
    return words[0], words[1:]


def _options(verb: str, words: Sequence[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    position = 0
    while position < len(words):
        name, given, inline = words[position].partition("=")
        position += 1
        option = option_of(name, verb)
        values = [inline] if given else _values(words, position, option)
        position += 0 if given else len(values)
        _keep(option, name, [_checked(option, name, value) for value in values], found)
    return found


def _values(words: Sequence[str], start: int, option: Option) -> list[str]:
    longest = {Takes.NOTHING: 0, Takes.ONE: 1, Takes.MANY: len(words)}[option.takes]
    end = next((i for i in range(start, len(words)) if words[i].startswith("-")), len(words))
    return list(words[start : min(end, start + longest)])


def _checked(option: Option, name: str, value: str) -> str:
    if option.takes is Takes.NOTHING:
        raise CommandError(f"{name} takes no value")
    # dbt's own parser would take it for the next option.
    if value.startswith("-"):
        raise CommandError(f"{name}: a value cannot begin with '-', got {value!r}")
    try:
        return option.check(value)
    except CommandError as fault:
        raise CommandError(f"{name} {fault}") from fault


def _keep(option: Option, name: str, values: Sequence[str], found: dict[str, Any]) -> None:
    if option.takes is not Takes.NOTHING and not any(values):
        raise CommandError(f"{name} needs a value")
    if not option.field:
        found["options"] = (*found.get("options", ()), name, *values)
    elif option.takes is Takes.MANY:
        found[option.field] = (*found.get(option.field, ()), *values)
    else:
        found[option.field] = values[0] if option.takes is Takes.ONE else option.value


def _check_whole(command: Command) -> None:
    """What no single option can say."""
    if command.selector and (command.select or command.exclude):
        raise CommandError(
            f"--selector {command.selector} and --select or --exclude exclude each other: dbt would ignore the latter; "
            f"say all of it in one --select, as selector:{command.selector},tag:x"
        )
    if command.verb == "clone" and not command.state:
        raise CommandError(
            "dbt clone needs --state with the environment to copy from, as in --state production"
        )
    times = {"--event-time-start", "--event-time-end"} & set(command.options)
    if len(times) == 1:
        raise CommandError("--event-time-start and --event-time-end go together")
