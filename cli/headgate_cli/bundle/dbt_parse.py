"""`dbt parse` in its own process, with what it found last time as a start."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import msgspec

from headgate.domain.bundle import MANIFEST, PARTIAL_PARSE
from headgate.errors import NotFoundError, ProjectError
from headgate_cli.bundle.project import Project

_TIMEOUT = 1800
_ENV_VAR_HINT = (
    "\n\nSet it for this command (parsing connects to nothing, so any value of the right kind will do), or give it "
    "a default: env_var('NAME', 'default'). Runners get theirs from `variables:` and `secrets:` in headgate.yml."
)
_DEPS_HINT = "\n\nPackages are part of the bundle: run `dbt deps` in the project first."


@dataclass(frozen=True, slots=True)
class Parse:
    """What one parse left behind. `surroundings`: digest of the environment variables that it read.

    read: their names, without those of dbt_project.yml and profiles.yml.
    """

    manifest: Path
    partial_parse: Path
    surroundings: str
    read: frozenset[str] = frozenset()


def find_dbt(named: Path | None = None) -> Path:
    """The dbt that is named, here or by HEADGATE_DBT; else the one beside this interpreter; else on the PATH.

    Raises NotFoundError.
    """
    wanted = str(named or os.environ.get("HEADGATE_DBT", ""))
    if wanted:
        # A file in this folder is meant before one on the PATH: `./dbt` is the same path as `dbt`.
        found = shutil.which(Path(wanted).absolute() if Path(wanted).is_file() else wanted)
        if not found:
            raise NotFoundError(
                f"there is no dbt command {wanted}: give the path of one, as in .venv/bin/dbt"
            )
        # dbt is called in the project's folder.
        return Path(found).absolute()
    beside = Path(sys.executable).parent / "dbt"
    found = str(beside) if beside.exists() else shutil.which("dbt")
    if not found:
        raise NotFoundError(
            f"dbt is not installed beside {sys.executable}: pip install 'dbt-core~=1.11.0' and your adapter"
        )
    return Path(found)


def parse_project(
    project: Project,
    target: str,
    variables: str,
    secrets: Mapping[str, str],
    scratch: Path,
    cache: Path,
    dbt: Path | None = None,
    plain: Mapping[str, str] | None = None,
) -> Parse:
    """Parse a private copy of a project. `cache` keeps dbt's partial parse between calls. dbt: as in `find_dbt`.

    A variable of this shell wins over the secret of the same name, and one of `plain` over both: runners have it too.

    Raises ProjectError with dbt's own message.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    remembered = cache / PARTIAL_PARSE
    if remembered.exists():
        shutil.copy2(remembered, scratch / PARTIAL_PARSE)
    command = [
        str(find_dbt(dbt)), "--quiet", "--log-format", "json", "--log-level-file", "none", "--no-version-check",
        "parse", "--project-dir", str(project.folder), "--profiles-dir", str(project.folder),
        "--target", target, "--vars", variables, "--target-path", str(scratch), "--log-path", str(scratch),
    ]  # fmt: skip
    _run(command, project, dict(secrets) | os.environ | dict(plain or {}))
    _remember(scratch / PARTIAL_PARSE, remembered)
    found = scratch / PARTIAL_PARSE
    read = msgspec.msgpack.decode(found.read_bytes(), type=_Read)
    digest = sha256(msgspec.json.encode(read, order="sorted")).hexdigest()
    return Parse(scratch / MANIFEST, found, digest, frozenset(read.env_vars))


def _run(command: list[str], project: Project, variables: Mapping[str, str]) -> None:
    environment = dict(variables) | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}
    # Neither a terminal's size nor a --no-partial-parse from outside may change what a bundle holds.
    for name in ("DBT_PARTIAL_PARSE", "DBT_WRITE_JSON", "DBT_TARGET", "DBT_PROFILE"):
        environment.pop(name, None)
    done = subprocess.run(
        command,
        cwd=project.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != 0:
        raise ProjectError(_explain("\n\n".join(_errors(done.stdout)) or done.stderr or done.stdout, project))


def _errors(output: str) -> Iterator[str]:
    for line in output.splitlines():
        try:
            info = json.loads(line)["info"]
        except (ValueError, KeyError, TypeError):
            continue
        if info["level"] == "error":
            yield str(info["msg"]).removeprefix("Encountered an error:\n").strip()


def _explain(message: str, project: Project) -> str:
    text = message.replace(f"{project.folder}{os.sep}", "").strip()
    if "Env var required but not provided" in text:
        return text + _ENV_VAR_HINT
    return text + _DEPS_HINT if "dbt deps" in text else text


def _remember(found: Path, remembered: Path) -> None:
    remembered.parent.mkdir(parents=True, exist_ok=True)
    partial = remembered.with_suffix(f".{os.getpid()}.tmp")
    shutil.copy2(found, partial)
    partial.replace(remembered)


class _Check(msgspec.Struct):
    project_env_vars_hash: object = None


class _Read(msgspec.Struct):
    """The part of dbt's partial parse that tells which environment variables the project's files read."""

    env_vars: dict[str, object] = {}
    state_check: _Check = msgspec.field(default_factory=_Check)
