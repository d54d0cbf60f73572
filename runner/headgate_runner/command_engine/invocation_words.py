"""How the dbt command is called: its arguments and its environment variables."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from headgate.domain.job import Environment
from headgate.domain.plan import Plan
from headgate_runner.bundle import Folders
from headgate_runner.command_engine.dbt_process import INSIDE

# Variables of this process that would steer dbt. Others that begin with DBT_ belong to the project's env_var().
STEERING = frozenset(
    f"DBT_{name}"
    for name in (
        "TARGET", "PROFILE", "PROFILES_DIR", "PROJECT_DIR", "TARGET_PATH", "LOG_PATH", "LOG_FORMAT", "LOG_LEVEL",
        "LOG_FORMAT_FILE", "LOG_LEVEL_FILE", "QUIET", "DEBUG", "PRINT", "USE_COLORS", "WRITE_JSON", "STATE", "DEFER",
        "DEFER_STATE", "FAVOR_STATE", "PARTIAL_PARSE", "PARTIAL_PARSE_FILE_PATH", "FAIL_FAST", "SINGLE_THREADED",
    )
)  # fmt: skip
# They build nothing, so dbt lets nobody say where to.
_WITHOUT_TARGET = frozenset({"deps", "debug"})
SETTINGS = [
    "--log-format", "json", "--log-level", "debug", "--log-level-file", "none", "--no-use-colors",
    "--no-version-check", "--no-send-anonymous-usage-stats",
]  # fmt: skip


def command_arguments(
    dbt: Path,
    plan: Plan,
    environment: Environment,
    folders: Folders,
    words: Sequence[str],
    state: Path | None,
) -> list[str]:
    """The whole command line. words: verb, options and selection; state: a folder for dbt's `--state`."""
    given = [str(dbt), *SETTINGS, *words, "--target", environment.target]
    given += ["--project-dir", str(folders.project), "--profiles-dir", str(folders.project)]
    given += ["--log-path", str(folders.target)]
    if words[0] not in _WITHOUT_TARGET:
        given += ["--target-path", str(folders.target), "--threads", str(plan.threads)]
    return given + (["--state", str(state)] if state is not None else [])


def command_environment(variables: Mapping[str, str], tag: str, lost: Sequence[str]) -> dict[str, str]:
    """Variables for dbt's process: this process', without what would steer dbt.

    tag: what its sessions are called; lost: what those of lost attempts were called (inside/dbt_headgate.py).
    """
    kept = {name: value for name, value in variables.items() if name not in STEERING}
    path = [str(INSIDE), *filter(None, [kept.get("PYTHONPATH")])]
    return kept | {
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "HEADGATE_SESSIONS": tag,
        "HEADGATE_LOST_SESSIONS": ",".join(lost),
    }
