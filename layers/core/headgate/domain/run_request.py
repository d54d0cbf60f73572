"""What somebody who starts a run by hand asks for, held against what its job allows. Nothing else reaches dbt."""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from hashlib import sha256
from typing import Any

from headgate.domain.command import Command
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.git_ref import check_ref
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.run_queue import CANCEL_RUNNING, QUEUE_ALL, SKIP
from headgate.errors import InputError

MOST_STEPS = 50
LONGEST_STEP = 4_000
MOST_THREADS = 256
LONGEST_VALUE = 1_000
# Whoever asks for a run waits for that very run, so none takes its place (domain/run_queue.py).
POLICIES = (QUEUE_ALL, SKIP, CANCEL_RUNNING)
# Every warehouse takes such a name unquoted; dbt joins it to names of its own.
_SCHEMA = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?", re.ASCII)
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
# Whole numbers that every JSON reader holds exactly.
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True, slots=True)
class RunRequest:
    """Wishes beside a job's name. Empty: as the job has it.

    detail: who wants it and why, one line. steps: dbt commands. vars: variable -> text, number or truth value.
    git_ref: a branch or a commit. on_conflict: one of POLICIES. from_start: reuse nothing.
    """

    detail: str = ""
    steps: tuple[str, ...] = ()
    schema: str = ""
    threads: int = 0
    vars: Mapping[str, Any] = field(default_factory=dict)
    git_ref: str = ""
    on_conflict: str = ""
    from_start: bool = False

    @property
    def digest(self) -> str:
        """The same for the same wishes."""
        return sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def overrides_of(request: RunRequest, job: Job) -> Overrides:
    """The wishes as its run keeps them. Raises InputError with everything that is wrong."""
    faults = list(_faults(request, job))
    if faults:
        raise InputError("; ".join(faults))
    return Overrides(
        schema=request.schema,
        threads=request.threads,
        vars=json.dumps(dict(request.vars), sort_keys=True),
        git_ref=request.git_ref,
        steps=bool(request.steps),
    )


def values_of(pairs: Sequence[str], job: Job) -> dict[str, Any]:
    """`name=value` texts -> values of the types that the job declares. Raises InputError."""
    declared = {one.name: one for one in job.vars}
    found: dict[str, Any] = {}
    for pair in pairs:
        name, given, text = pair.partition("=")
        if not given or not name:
            raise InputError(f"{pair!r} is not a variable: write it as name=value")
        if name in found:
            raise InputError(f"the variable {name!r} is given twice")
        found[name] = _read(text, declared[name].type) if name in declared else text
    return found


def _faults(request: RunRequest, job: Job) -> Iterator[str]:
    yield from _step_faults(request.steps, job)
    yield from _var_faults(request.vars, job)
    if request.schema and not _SCHEMA.fullmatch(request.schema):
        yield (
            f"schema {request.schema[:50]!r}: 1 to 100 letters, digits and _, and no digit at the beginning"
        )
    if request.threads and not 1 <= request.threads <= MOST_THREADS:
        yield f"threads {request.threads}: 1 to {MOST_THREADS}"
    if request.on_conflict and request.on_conflict not in POLICIES:
        yield f"on_conflict {request.on_conflict[:50]!r}: one of {', '.join(POLICIES)}"
    if request.git_ref:
        try:
            check_ref(request.git_ref)
        except InputError as fault:
            yield str(fault)


def _step_faults(steps: Sequence[str], job: Job) -> Iterator[str]:
    if len(steps) > MOST_STEPS:
        yield f"a run has at most {MOST_STEPS} steps"
        return
    for number, line in enumerate(steps, 1):
        if len(line) > LONGEST_STEP:
            yield f"step {number}: a command has at most {LONGEST_STEP} characters"
            continue
        try:
            command = check_step(line)
        except InputError as fault:
            yield f"step {number}: {fault}"
        else:
            # A variable is no less one for being written into the command.
            own = {
                (name, repr(value)) for own in job.commands for name, value in json.loads(own.vars).items()
            }
            given = json.loads(command.vars).items()
            yield from _var_faults(
                {name: value for name, value in given if (name, repr(value)) not in own}, job
            )


def check_step(line: str) -> Command:
    """A command whose selection can be read. Raises InputError."""
    # Imported here: the selection grammar loads more than most of those who ask for a run need.
    from headgate.domain.selection import check

    command = Command.parse(line)
    for text in (*command.select, *command.exclude):
        check(text, state=bool(command.state))
    return command


def _var_faults(values: Mapping[str, Any], job: Job) -> Iterator[str]:
    declared = {one.name: one for one in job.vars}
    for name, value in values.items():
        if name not in declared:
            known = f"it declares {', '.join(declared)}" if declared else "it declares none"
            yield f"the job {job.name!r} has no variable {name[:50]!r} to set; {known} (vars: in its jobs file)"
        elif fault := _value_fault(declared[name], value):
            yield f"variable {name!r}: {fault}"


def _value_fault(declared: DeclaredVar, value: Any) -> str:
    if isinstance(value, str) and len(value) > LONGEST_VALUE:
        return f"at most {LONGEST_VALUE} characters"
    if not _IS[declared.type](value):
        return f"{_shown(value)[:50]!r} is not a {_IN_WORDS[declared.type]}"
    if declared.choices and _shown(value) not in declared.choices:
        return f"{_shown(value)[:50]!r} is not one of {', '.join(declared.choices)}"
    return ""


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and value.replace("\n", "").replace("\t", "").isprintable()


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) <= _LARGEST_NUMBER if isinstance(value, int) else math.isfinite(value)


def _is_date(value: Any) -> bool:
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True


def _read(text: str, kind: str) -> Any:
    """A value from a command line; what cannot be read stays a text, and is refused as such."""
    if kind == "bool":
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind == "number" and _NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


_IS = {
    "text": _is_text,
    "number": _is_number,
    "bool": lambda value: isinstance(value, bool),
    "date": _is_date,
}
_IN_WORDS = {
    "text": "printable text",
    "number": "number",
    "bool": "truth value (true or false)",
    "date": "date such as 2026-01-31",
}
