"""What a runner's process is told by whoever started it: which run, which step, and which runner it is."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.errors import InputError, NotFoundError


@dataclass(frozen=True, slots=True)
class RunnerSettings:
    """The three numbers of a runner, all from 1. They never change between two attempts of the same runner.

    stop_seconds: how long after SIGTERM the process may still live; ECS and Spot give 120 seconds.
    """

    run_id: int
    step: int
    runner: int
    stop_seconds: float = 120.0

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] | None = None) -> "RunnerSettings":
        """Read HEADGATE_RUN_ID, HEADGATE_STEP and HEADGATE_RUNNER, and HEADGATE_STOP_SECONDS if it is there.

        Raises NotFoundError when one is missing, InputError when one is not a whole number above zero.
        """
        found = os.environ if variables is None else variables
        run_id, step, runner = (_number(found, f"HEADGATE_{name}") for name in ("RUN_ID", "STEP", "RUNNER"))
        if not found.get("HEADGATE_STOP_SECONDS"):
            return cls(run_id, step, runner)
        return cls(run_id, step, runner, _number(found, "HEADGATE_STOP_SECONDS"))


def _number(variables: Mapping[str, str], name: str) -> int:
    text = variables.get(name)
    if not text:
        raise NotFoundError(f"the environment variable {name} is not set")
    if not text.isdecimal() or int(text) < 1:
        raise InputError(f"{name} must be a whole number above zero, got {text!r}")
    return int(text)


SECRET_PREFIX = "DBT_ENV_SECRET"  # noqa: S105 - a prefix


def secret_values() -> list[str]:
    """Values of the environment's variables that dbt itself treats as secret."""
    return [value for name, value in os.environ.items() if name.startswith(SECRET_PREFIX)]


def set_variables(values: Mapping[str, str]) -> None:
    """Put a run's variables where dbt's `env_var()` reads them. Must come before dbt reads a profile."""
    os.environ.update(values)
