"""`headgate jobs init`: a first headgate.yml beside a dbt project."""

from pathlib import Path
from typing import Annotated

import typer

from headgate_cli.jobs.options import JsonOption
from headgate_cli.output import escaped, next_command, note, print_json, say

_ZONES = "zoneinfo"


def init(
    project_dir: Annotated[Path, typer.Option(help="The dbt project.")] = Path(),
    file: Annotated[
        Path | None, typer.Option(help="What to write; else headgate.yml beside dbt_project.yml.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write a first jobs file from what the project says; nothing is overwritten."""
    from headgate.adapters.jobs_file import read_jobs_file
    from headgate.errors import InputError
    from headgate_cli.jobs.first_file import first_file
    from headgate_cli.jobs.found_project import find_project

    path = file or project_dir / "headgate.yml"
    made = first_file(find_project(project_dir), _timezone())
    try:
        with path.open("x", encoding="utf-8") as written:
            written.write(made.text)
    except FileExistsError as fault:
        raise InputError(
            f"there is a {path} already, and it stays as it is; name another with --file"
        ) from fault
    except OSError as fault:
        raise InputError(f"{path} cannot be written: {fault.strerror}") from fault
    jobs = read_jobs_file(path).jobs
    if as_json:
        print_json({"file": str(path), "jobs": [job.name for job in jobs], "guesses": list(made.guesses)})
        return
    say(f"[green]✓[/] wrote {escaped(str(path))}: {', '.join(job.name for job in jobs)}")
    for guess in made.guesses:
        note(f"  [yellow]?[/] {escaped(guess)}")
    option = "" if path == Path("headgate.yml") else f" --file {path}"
    next_command(
        f"headgate jobs validate{option}", "headgate jobs schema > headgate.schema.json (for your editor)"
    )


def _timezone() -> str:
    """Of this machine, where it says one by name."""
    from headgate.domain.cron import check_timezone
    from headgate.errors import ScheduleError

    parts = Path("/etc/localtime").resolve().parts
    name = "/".join(parts[parts.index(_ZONES) + 1 :]) if _ZONES in parts else "UTC"
    try:
        check_timezone(name)
    except ScheduleError:
        return "UTC"
    return "UTC" if name in ("Etc/UTC", "UCT", "Zulu", "Etc/UCT", "Universal", "Etc/Universal") else name
