"""`variables:` and `secrets:` at each of their three levels, and `vars:` of a job."""

import datetime as dt
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StringConstraints, model_validator

from headgate.adapters.jobs_file.entry import Entry, KeyFaultError, Written, written_as
from headgate.adapters.jobs_file.values import Shaped, checked, different
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.variables import READABLE
from headgate.errors import InputError

SECRET = "DBT_ENV_SECRET_"  # noqa: S105 - a prefix
# What steers the runner, its interpreter and the AWS SDK inside it.
_RESERVED_STARTS = ("HEADGATE_", "AWS_", "ECS_", "PYTHON", "LD_")
# And what decides for dbt where it reads and writes, which the runner does.
_RESERVED = frozenset({"PATH", "HOME"}) | {
    f"DBT_{option}"
    for option in (
        *("TARGET", "PROFILE", "PROFILES_DIR", "PROJECT_DIR", "TARGET_PATH", "LOG_PATH", "PARTIAL_PARSE"),
        *("WRITE_JSON", "STATE", "DEFER", "DEFER_STATE", "FAVOR_STATE"),
    )
}


def _check_secret(name: str) -> None:
    if name.startswith(_RESERVED_STARTS) or name in _RESERVED:
        raise InputError(f"{name} steers the runner itself and cannot be a secret")


def _check_variable(name: str) -> None:
    if name.startswith(SECRET):
        raise InputError(f"belongs to secrets: {name}: <secret name>#<json key>")
    if name.startswith(_RESERVED_STARTS) or name in _RESERVED:
        raise InputError(f"{name} steers the runner itself and cannot be set here")


def _check_readable(reference: str) -> None:
    name = reference.partition("#")[0]
    if not name.removeprefix(READABLE) or not name.startswith(READABLE):
        raise InputError(
            f"runners may read only secrets below {READABLE}, not {name!r}: keep it there, as in "
            f"{READABLE}prod#password"
        )


_VARIABLE = Shaped(r"^[A-Za-z_][A-Za-z0-9_]*$", "must be the name of an environment variable")
_NOT_OURS = "|".join((*_RESERVED_STARTS, *(f"{name}$" for name in sorted(_RESERVED))))
VariableName = Annotated[
    str,
    _VARIABLE,
    checked(_check_variable),
    Written(lambda found: found | {"pattern": f"^(?!{SECRET}|{_NOT_OURS})[A-Za-z_][A-Za-z0-9_]*$"}),
]
SecretName = Annotated[
    str,
    _VARIABLE,
    checked(_check_secret),
    Written(lambda found: found | {"pattern": f"^(?!{_NOT_OURS})[A-Za-z_][A-Za-z0-9_]*$"}),
]
SecretKey = Annotated[
    str,
    Shaped(
        r"^[A-Za-z0-9/_+=.@-]+#[^#\s]+$",
        "must be <secret name>#<json key>, as in warehouse/prod#password",
    ),
    checked(_check_readable),
    Written(lambda found: found | {"pattern": rf"^{READABLE}[A-Za-z0-9/_+=.@-]+#[^#\s]+$"}),
]
Value = Annotated[str, StringConstraints(max_length=4_096)]
Variables = dict[VariableName, Value]
SecretReferences = dict[SecretName, SecretKey]


class Levelled(Entry):
    """What the file, an environment and a job can all say; a job's word counts before its environment's."""

    variables: Variables = Field(
        {},
        description="Environment variables that dbt reads with `env_var()`. A job's count before its environment's, "
        "those before the file's. Values are texts.",
        examples=["{DBT_REGION: eu}"],
    )
    secrets: SecretReferences = Field(
        {},
        description="Environment variables that hold secrets, as `<secret name>#<key of its JSON>` in Secrets Manager; "
        "the name begins with `warehouse/`, for runners may read no other. Read when a run starts, never stored. "
        "`DBT_ENV_SECRET_*` can only be here.",
        examples=["{DBT_ENV_SECRET_PASSWORD: warehouse/prod#password}"],
    )

    @model_validator(mode="after")
    def _says_each_once(self) -> "Levelled":
        for name in self.variables:
            if name in self.secrets:
                raise KeyFaultError(
                    "is among the secrets beside it as well: keep one of the two", "variables", name
                )
        return self


def _choice(value: object) -> object:
    # Numbers and dates may stand without quotes: the variable's type says what they are.
    if isinstance(value, dt.datetime):
        return value
    if isinstance(value, int | float | dt.date) and not isinstance(value, bool):
        return str(value)
    return value


def _not_twice(values: Any) -> Any:
    return different(values) if isinstance(values, list) else values


VarName = Annotated[str, Shaped(r"^[A-Za-z_][A-Za-z0-9_]{0,99}$", "must be the name of a dbt variable")]
Choice = Annotated[
    str,
    BeforeValidator(_choice),
    StringConstraints(min_length=1, max_length=200),
    written_as(anyOf=[{"type": "string", "minLength": 1}, {"type": "number"}]),
]


class VarEntry(Entry):
    """One entry of a job's `vars:`."""

    type: Literal["text", "number", "bool", "date"] = Field(
        "text", description="What its value must be.", examples=["date"]
    )
    choices: Annotated[list[Choice], Field(min_length=1), BeforeValidator(_not_twice)] | None = Field(
        None, description="The only values it may have.", examples=["[eu, us]"]
    )

    @model_validator(mode="after")
    def _has_choices_of_its_type(self) -> "VarEntry":
        if self.choices and self.type == "bool":
            raise KeyFaultError("a bool is true or false: leave choices out", "choices")
        for position, choice in enumerate(self.choices or ()):
            if not _fits(self.type, choice):
                raise KeyFaultError(f"{choice!r} is no {self.type}", "choices", position)
        return self


def _fits(kind: str, choice: str) -> bool:
    try:
        if kind == "number":
            return float(choice) not in (float("inf"), float("-inf")) and float(choice) == float(choice)
        if kind == "date":
            return dt.date.fromisoformat(choice).isoformat() == choice
    except ValueError:
        return False
    return True


def declared_var(name: str, entry: VarEntry) -> DeclaredVar:
    return DeclaredVar(name, entry.type, tuple(entry.choices or ()))
