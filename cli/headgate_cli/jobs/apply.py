"""`headgate jobs apply`: make the stack equal to the jobs files."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import FAILED
from headgate_cli.jobs.options import FilesOption, JsonOption, OriginOption, ReplacesOption
from headgate_cli.jobs.plan import make_plan
from headgate_cli.jobs.printed_plan import plan_object, print_changes, read_plan, summary
from headgate_cli.jobs.validate import DEFAULT
from headgate_cli.jobs.written import read_written
from headgate_cli.output import counted, escaped, next_command, note, print_json, say
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.job import JobsFile
    from headgate.domain.jobs_plan import JobsPlan


def apply(
    context: typer.Context,
    file: FilesOption = [DEFAULT],  # noqa: B006 - typer copies it
    plan: Annotated[
        Path | None, typer.Option(help="Carry out this plan of jobs plan --out, or nothing if it is stale.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    origin: OriginOption = "",
    replaces: ReplacesOption = [],  # noqa: B006 - typer copies it
    as_json: JsonOption = False,
) -> None:
    """Make the stack's jobs, receivers, alert rules and schedules equal to the jobs files: all of it or nothing."""
    world = world_of(context)
    if plan is None:
        written = read_written(file, origin)
        made = make_plan(world, written, replaces, sure=bool(origin))
    else:
        written, made = _planned(world, plan, file)
    if not as_json:
        print_changes(made, written)
    if made.has_changes and not made.errors and not (yes or plan or as_json or _agrees(made)):
        note("nothing was changed")
        raise typer.Exit(FAILED)
    _carry_out(world, written, made)
    scheduled = [job.name for job in written.jobs if job.schedules]
    if as_json:
        print_json(plan_object(made, {}) | {"schedules": scheduled})
        return
    told = f"{summary(made, done=True)} · {counted(len(scheduled), 'schedule')}"
    say(f"[green]✓[/] applied {escaped(written.origin)}: {told}")
    _what_next(world, written)


def _planned(world: "World", path: Path, file: list[Path]) -> "tuple[JobsFile, JobsPlan]":
    """The file and the plan of now, which is the saved one. Raises InputError if it is not."""
    from headgate.domain.jobs_plan import changed_since
    from headgate.errors import InputError

    saved = read_plan(path)
    written = read_written(file, saved.origin)
    others = [origin for origin in saved.numbers if origin != saved.origin]
    made = make_plan(world, written, others, sure=not saved.errors)
    if made.written != saved.written:
        raise InputError(f"{path} was made from other contents of {written.origin}: make it again")
    if told := changed_since(saved, made):
        raise InputError("\n".join([f"{path} is stale, so nothing was changed; make it again", *told]))
    return written, made


def _agrees(made: "JobsPlan") -> bool:
    """Whoever sits at a terminal is asked; a script is not."""
    if not _at_a_terminal():
        return True
    return typer.confirm(f"Apply this ({summary(made, done=False)})?", default=False)


def _at_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _carry_out(world: "World", written: "JobsFile", made: "JobsPlan") -> None:
    from headgate.errors import ConflictError, InputError
    from headgate.usecases.apply_jobs import apply_jobs

    try:
        apply_jobs(
            written,
            made,
            jobs=world.jobs,
            scheduler=world.scheduler,
            activities=world.activities,
            clock=world.clock,
        )
    except ConflictError as fault:
        raise InputError(str(fault)) from fault


def _what_next(world: "World", written: "JobsFile") -> None:
    from headgate.usecases.plan_jobs import is_published

    names = [found.name for found in written.environments]
    unpublished = [name for name in names if not is_published(name, world.jobs)]
    if unpublished:
        next_command(*(f"headgate publish --environment {name}" for name in unpublished))
    elif written.jobs:
        next_command(f"headgate run {written.jobs[0].name}")
