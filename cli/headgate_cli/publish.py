"""`headgate publish`: make the project's bundle and let its environment point at it."""

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.output import (
    counted,
    escaped,
    next_command,
    note,
    print_json,
    say,
    seconds_text,
    size_text,
)
from headgate_cli.world import state_folder, world_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from headgate.domain.bundle import Bundle
    from headgate.domain.job import Environment, JobsFile
    from headgate.ports import Secrets
    from headgate_cli.git_origin import GitOrigin

JOBS_FILE = Path("headgate.yml")


def publish(
    context: typer.Context,
    project_dir: Annotated[Path, typer.Option(help="Folder of dbt_project.yml.")] = Path(),
    environment: Annotated[
        str, typer.Option(help="Environment of the jobs file; needed when it has several.")
    ] = "",
    jobs: Annotated[
        Path | None, typer.Option(help="The jobs file; else ./headgate.yml, else the project's.")
    ] = None,
    dbt: Annotated[
        Path | None,
        typer.Option(
            help="The dbt command to parse with; else the one beside headgate.", envvar="HEADGATE_DBT"
        ),
    ] = None,
    git_ref: Annotated[
        str, typer.Option(help="The branch to remember it by; else the one that is checked out.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """Parse a dbt project, upload it, and let its environment use it from the next run on."""
    from headgate.adapters.jobs_file import read_jobs_file
    from headgate.usecases.publish_bundle import publish_bundle
    from headgate_cli.bundle.build import build_bundle, variables_of
    from headgate_cli.git_origin import origin_of

    started = time.monotonic()
    jobs_file = read_jobs_file(find_jobs_file(jobs, project_dir))
    chosen = choose_environment(jobs_file, environment)
    world = world_of(context)
    origin = origin_of(project_dir, git_ref)
    with tempfile.TemporaryDirectory(prefix="headgate-") as scratch:
        bundle = build_bundle(
            project_dir,
            chosen,
            variables_of(jobs_file.jobs, chosen.name),
            scratch=Path(scratch),
            cache=state_folder(project_dir) / "parse-cache",
            jobs=jobs_file.jobs,
            secrets=_Values(world.secrets),
            dbt=dbt,
            on_step=lambda step: note(f"[bright_black]{escaped(step)} …[/]"),
        )
        changed = publish_bundle(
            bundle, chosen.name, bundles=world.bundles, jobs=world.jobs, refs=origin.refs
        )
    _tell(bundle, chosen, origin, changed, time.monotonic() - started, as_json)


class _Values:
    """The values of secrets; what cannot be read is said once."""

    def __init__(self, secrets: "Secrets") -> None:
        self._secrets = secrets
        self._said: set[str] = set()

    def __call__(self, references: "Mapping[str, str]") -> dict[str, str]:
        from headgate.errors import HeadgateError
        from headgate.usecases.read_secrets import read_secrets

        try:
            return read_secrets(references, secrets=self._secrets)
        except HeadgateError as fault:
            # Who publishes need not be allowed to read passwords; the shell's own variables do as well.
            if str(fault) not in self._said:
                self._said.add(str(fault))
                note(f"[yellow]![/] parsing with this shell's variables alone: {escaped(str(fault))}")
            return {}


def _tell_unset(bundle: "Bundle") -> None:
    if bundle.unset:
        note(
            f"[yellow]![/] set neither by a job, its environment nor the project, and without a default in the code: "
            f"{escaped(', '.join(bundle.unset))}; what reads them fails in a run"
        )


def find_jobs_file(given: Path | None, project: Path) -> Path:
    """The jobs file that is meant; it need not exist."""
    if given is not None:
        return given
    return JOBS_FILE if JOBS_FILE.exists() else project / JOBS_FILE


def choose_environment(jobs_file: "JobsFile", name: str) -> "Environment":
    """The environment of this name, or the only one. Raises InputError or NotFoundError."""
    from difflib import get_close_matches

    from headgate.errors import InputError, NotFoundError

    known = {environment.name: environment for environment in jobs_file.environments}
    if name in known:
        return known[name]
    if name:
        near = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean {near[0]}?" if near else f" It has: {', '.join(known)}"
        raise NotFoundError(f"{jobs_file.origin} has no environment {name!r}.{hint}")
    if len(known) > 1:
        raise InputError(
            f"{jobs_file.origin} has several environments: add --environment, one of {', '.join(known)}"
        )
    return next(iter(known.values()))


def _tell(
    bundle: "Bundle",
    environment: "Environment",
    origin: "GitOrigin",
    changed: bool,
    seconds: float,
    as_json: bool,
) -> None:
    if as_json:
        print_json(
            {
                "digest": bundle.digest,
                "environment": environment.name,
                "changed": changed,
                "nodes": bundle.nodes,
                "bytes": bundle.size,
                "dbt": bundle.dbt_version,
                "seconds": round(seconds, 3),
                "git": {
                    "branch": origin.branch or None,
                    "commit": origin.commit or None,
                    "dirty": origin.is_dirty,
                    "refs": list(origin.refs),
                },
            }
        )
        return
    facts = f"{counted(bundle.nodes, 'node')} · {size_text(bundle.size)} · {seconds_text(seconds)}"
    facts += f" · {escaped(origin.in_words)}" if origin.in_words else ""
    if changed:
        say(f"[green]✓[/] published [bold]{bundle.short}[/] for {environment.name} · {facts}")
    else:
        say(f"[green]✓[/] unchanged: {environment.name} already uses [bold]{bundle.short}[/] · {facts}")
    _tell_engine(bundle.dbt_version)
    _tell_unset(bundle)
    next_command("headgate jobs apply", "headgate run JOB")


def _tell_engine(dbt_version: str) -> None:
    from headgate.domain.command import Command
    from headgate.domain.engine import TESTED_DBT, engine_of
    from headgate.domain.plan import Engine

    if engine_of(Command("build"), dbt_version) is Engine.COMMAND:
        tested = ".".join(map(str, TESTED_DBT))
        note(
            f"[yellow]![/] parsed by dbt {escaped(dbt_version)}: only dbt {tested} is built over several runners; "
            "one runner, with the same dbt, will run the dbt command"
        )
