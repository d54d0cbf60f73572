"""Which options a step's command may have, verb by verb, as a table; and why the others are refused.

The verbs and options are those of dbt-core 1.11 (`dbt <verb> --help`). An option is accepted when it says what is
done; where things lie, how the warehouse is reached and how dbt logs belong to Headgate.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from enum import Enum

from headgate.errors import CommandError

# The five whose nodes are handed out one by one; the others are one dbt command in one runner.
GRAPH_VERBS = ("build", "run", "test", "seed", "snapshot")
VERBS = (
    *GRAPH_VERBS,
    "compile",
    "clone",
    "docs generate",
    "source freshness",
    "run-operation",
    "deps",
    "debug",
    "retry",
)
_SELECTING = frozenset(VERBS) - {"run-operation", "deps", "debug", "retry"}
# `retry` repeats a command with that one's own options.
_EVERY = frozenset(VERBS) - {"retry"}
# What --resource-type and --exclude-resource-type may name: what `dbt build` builds, and dbt's two groups of it.
RESOURCE_TYPES = (
    "model",
    "snapshot",
    "seed",
    "test",
    "unit_test",
    "saved_query",
    "exposure",
    "function",
    "all",
    "default",
)
# dbt's modes of selecting tests, as domain/selection has them.
_INDIRECT = ("eager", "cautious", "buildable", "empty")
_DAYS = re.compile(r"\d+ (hour|day|month|year)s?")
_ENVIRONMENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,47}")


class Takes(Enum):
    """How many words follow an option."""

    NOTHING = 0
    ONE = 1
    MANY = 2


@dataclass(frozen=True, slots=True)
class Option:
    """One option. `field` of Command holds its value; without one it is handed to dbt as it was written.

    check: makes the value canonical. Raises CommandError.
    """

    names: tuple[str, ...]
    verbs: frozenset[str]
    takes: Takes = Takes.NOTHING
    field: str = ""
    value: bool = True
    check: Callable[[str], str] = str


def canonical_vars(text: str) -> str:
    """A `--vars` or `--args` text with sorted keys.

    dbt reads YAML there; JSON is what a step may use, so that reading it needs no YAML here.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as fault:
        raise CommandError(f"must be a JSON object, as in '{{\"day\": 1}}': {fault}") from fault
    if not isinstance(value, dict):
        raise CommandError(f"must be a JSON object, got {text!r}")
    return json.dumps(value, sort_keys=True)


def _one_of(*allowed: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if text not in allowed:
            near = get_close_matches(text, allowed, n=1, cutoff=0.5)
            raise CommandError(
                f"cannot be {text!r}" + (f"; did you mean {near[0]}?" if near else f": {', '.join(allowed)}")
            )
        return text

    return check


def _day(text: str) -> str:
    for form in ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            datetime.strptime(text, form)  # noqa: DTZ007 - dbt reads it as UTC
        except ValueError:
            continue
        return text
    raise CommandError(f"must be a date or a time as in 2026-01-31T06:00:00, got {text!r}")


def _window(text: str) -> str:
    if not _DAYS.fullmatch(text):
        raise CommandError(f"must be a span as in '3 days', got {text!r}")
    return text


def _environment(text: str) -> str:
    if not _ENVIRONMENT.fullmatch(text):
        raise CommandError(
            f"names an environment of headgate.yml, not a folder: its last successful bundle is used; got {text!r}"
        )
    return text


def _on(*verbs: str) -> frozenset[str]:
    return frozenset(verbs)


OPTIONS: tuple[Option, ...] = (
    Option(("--select", "-s", "--models", "--model", "-m"), _SELECTING, Takes.MANY, "select"),
    Option(("--exclude",), _SELECTING, Takes.MANY, "exclude"),
    Option(("--vars",), _EVERY, Takes.ONE, "vars", check=canonical_vars),
    Option(("--full-refresh", "-f"), _on("build", "run", "seed", "compile", "clone"), field="full_refresh"),
    Option(("--fail-fast", "-x"), _EVERY, field="fail_fast"),
    Option(("--no-fail-fast",), _EVERY, field="fail_fast", value=False),
    Option(
        ("--resource-type", "--resource-types"),
        _on("build", "test", "clone"),
        Takes.MANY,
        "resource_types",
        check=_one_of(*RESOURCE_TYPES),
    ),
    Option(
        ("--exclude-resource-type", "--exclude-resource-types"),
        _on("build", "test", "clone"),
        Takes.MANY,
        "exclude_resource_types",
        check=_one_of(*(name for name in RESOURCE_TYPES if name not in ("all", "default"))),
    ),
    Option(("--store-failures",), _on("build", "test"), field="store_failures"),
    Option(("--state",), _SELECTING, Takes.ONE, "state", check=_environment),
    Option(("--defer",), _SELECTING, field="defer"),
    Option(("--no-defer",), _SELECTING, field="defer", value=False),
    Option(("--favor-state",), _SELECTING, field="favor_state"),
    Option(("--no-favor-state",), _SELECTING, field="favor_state", value=False),
    Option(("--selector",), _SELECTING, Takes.ONE, "selector"),
    Option(("--indirect-selection",), _SELECTING, Takes.ONE, "indirect", check=_one_of(*_INDIRECT)),
    Option(("--args",), _on("run-operation"), Takes.ONE, check=canonical_vars),
    Option(("--warn-error",), _EVERY),
    Option(("--warn-error-options",), _EVERY, Takes.ONE, check=canonical_vars),
    Option(("--empty", "--no-empty"), _on("build", "run", "snapshot", "compile")),
    Option(("--event-time-start", "--event-time-end"), _on("build", "run"), Takes.ONE, check=_day),
    Option(("--sample",), _on("build", "run"), Takes.ONE, check=_window),
    Option(("--introspect", "--no-introspect"), _on("compile")),
    Option(("--inject-ephemeral-ctes", "--no-inject-ephemeral-ctes"), _on("compile")),
    Option(("--connection",), _on("debug")),
    Option(("--compile", "--no-compile", "--empty-catalog", "--static"), _on("docs generate")),
)

_PLACES = "a runner has its own folders"
_PROFILE = "set `target` and `schema` of the environment in headgate.yml"
_LOGS = "Headgate reads dbt's log as it is and shows it with `headgate logs`"
_STATE = "`dbt retry` repeats a command with its own --state; this command reads no other environment"
_PARSED = "the project was parsed when it was published"
_PACKAGES = "packages are those that were published: change packages.yml, run `dbt deps` and publish again"

# Real options of dbt that no step may have -> what to do instead.
REFUSED: dict[str, str] = {
    "--profiles-dir": "the profile is part of the bundle",
    "--project-dir": _PLACES,
    "--target-path": _PLACES,
    "--log-path": _PLACES,
    "--output": _PLACES,
    "-o": _PLACES,
    "--record-timing-info": _PLACES,
    "--config-dir": _PLACES,
    "-r": _PLACES,
    "--target": _PROFILE,
    "-t": _PROFILE,
    "--profile": _PROFILE,
    "--threads": "set `threads` of the environment in headgate.yml",
    "--single-threaded": "set `threads: 1` of the environment in headgate.yml",
    "--state": _STATE,
    "--defer": _STATE,
    "--no-defer": _STATE,
    "--favor-state": _STATE,
    "--no-favor-state": _STATE,
    "--defer-state": "--state names the environment to compare with, to defer to and to clone from",
    "--inline": "write a model or an analysis and select it",
    "--show": "a run has no terminal to print rows to",
    "--partial-parse": _PARSED,
    "--no-partial-parse": _PARSED,
    "--partial-parse-file-path": _PARSED,
    "--static-parser": _PARSED,
    "--no-static-parser": _PARSED,
    "--write-json": "artifacts are always kept",
    "--no-write-json": "artifacts are always kept",
    "--use-fast-test-edges": "the order of nodes is planned before dbt starts",
    "--no-use-fast-test-edges": "the order of nodes is planned before dbt starts",
    "--export-saved-queries": "dbt-core exports no saved queries; leave it out",
    "--include-saved-query": "dbt-core selects saved queries without it; leave it out",
    "--no-export-saved-queries": "dbt-core exports no saved queries; leave it out",
    "--no-include-saved-query": "dbt-core selects saved queries without it; leave it out",
    "--add-package": _PACKAGES,
    "--upgrade": _PACKAGES,
    "--lock": _PACKAGES,
    "--source": _PACKAGES,
    **dict.fromkeys(
        (
            "--debug",
            "-d",
            "--quiet",
            "-q",
            "--print",
            "--no-print",
            "--printer-width",
            "--log-level",
            "--log-level-file",
            "--log-format",
            "--log-format-file",
            "--log-cache-events",
            "--log-file-max-bytes",
            "--use-colors",
            "--no-use-colors",
        ),
        _LOGS,
    ),
}


def option_of(name: str, verb: str) -> Option:
    """The option of this verb. Raises CommandError: what it is instead, or what to do instead."""
    for option in OPTIONS:
        if name in option.names and verb in option.verbs:
            return option
    if name in REFUSED:
        raise CommandError(f"option {name!r} cannot be used in a step: {REFUSED[name]}")
    elsewhere = [found for found in OPTIONS if name in found.names]
    if elsewhere:
        verbs = ", ".join(f"dbt {known}" for known in VERBS if known in elsewhere[0].verbs)
        raise CommandError(f"dbt {verb} has no option {name}; it belongs to {verbs}")
    known = [spelled for option in OPTIONS if verb in option.verbs for spelled in option.names]
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    raise CommandError(f"option {name!r} is not known" + (f"; did you mean {near[0]}?" if near else ""))
