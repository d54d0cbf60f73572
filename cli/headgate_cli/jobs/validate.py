"""`headgate jobs validate`: every fault of the jobs files at once, and what starts each job, in words."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headgate_cli.faults import INVALID
from headgate_cli.jobs.listing import described, print_jobs
from headgate_cli.jobs.options import FilesOption, JsonOption
from headgate_cli.output import counted, escaped, next_command, note, print_json, say

if TYPE_CHECKING:
    from headgate.domain.job import JobsFile

DEFAULT = Path("headgate.yml")


def validate(
    file: FilesOption = [DEFAULT],  # noqa: B006 - typer copies it
    as_json: JsonOption = False,
) -> None:
    """Check the jobs files; needs no stack."""
    from headgate.adapters.jobs_file import read_jobs_files
    from headgate.errors import JobsFileError

    try:
        found = read_jobs_files(file)
    except JobsFileError as fault:
        if not as_json:
            raise
        problems = [
            {"file": one.file, "line": one.line, "path": one.path, "message": one.message}
            for one in fault.problems
        ]
        print_json({"valid": False, "problems": problems})
        raise typer.Exit(INVALID) from None
    elsewhere = jobs_elsewhere(found)
    if as_json:
        print_json(_object(found, file, elsewhere))
        return
    print_jobs(found.jobs)
    parts = [
        (len(found.environments), "environment"),
        (len(found.jobs), "job"),
        (len(found.alerts), "alert rule"),
    ]
    if found.receivers:
        parts.insert(2, (len(found.receivers), "receiver"))
    names, verb = ", ".join(map(str, file)), "is" if len(file) == 1 else "are"
    say(f"[green]✓[/] {escaped(names)} {verb} valid: {', '.join(counted(*part) for part in parts)}")
    if elsewhere:
        note(
            f"[yellow]![/] no job of these files: {', '.join(elsewhere)}. Another project's, or a typing error; "
            "headgate jobs plan asks the stack"
        )
    next_command("headgate jobs plan" + options(file))


def options(files: Sequence[Path]) -> str:
    """` --file a.yml --file b`, as the next command needs it; nothing for the usual file."""
    named = [] if list(files) == [DEFAULT] else files
    return "".join(f" --file {shlex.quote(str(path))}" for path in named)


def jobs_elsewhere(found: "JobsFile") -> list[str]:
    """Jobs that some job of the files starts after, and that no file defines: of another project, or misspelt."""
    from headgate.domain.completion import upstream_of

    own = {job.name for job in found.jobs}
    awaited = (upstream_of(one) for job in found.jobs for gate in job.gates for one in gate.awaits)
    return sorted({name for name in awaited if name is not None} - own)


def _object(found: "JobsFile", files: Sequence[Path], elsewhere: list[str]) -> dict[str, object]:
    from headgate.domain.when_words import describe_when

    jobs = [described(job) | {"when": describe_when(job)} for job in found.jobs]
    return {
        "valid": True,
        "file": str(files[0]),
        "files": [str(path) for path in files],
        "origin": found.origin,
        "jobs": jobs,
        "jobs_elsewhere": elsewhere,
    }
