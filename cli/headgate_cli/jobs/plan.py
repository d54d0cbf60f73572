"""`headgate jobs plan`: what an apply of the jobs files would change."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import CHANGES, INVALID
from headgate_cli.jobs.fires import USUAL, fires_object, fires_of, print_fires, worth_showing
from headgate_cli.jobs.options import FilesOption, JsonOption, OriginOption, ReplacesOption
from headgate_cli.jobs.printed_plan import errors_told, plan_object, print_changes, summary, write_plan
from headgate_cli.jobs.validate import DEFAULT, options
from headgate_cli.jobs.written import read_written
from headgate_cli.output import escaped, next_command, print_json, say
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.job import JobsFile
    from headgate.domain.jobs_plan import JobsPlan


def plan(
    context: typer.Context,
    file: FilesOption = [DEFAULT],  # noqa: B006 - typer copies it
    out: Annotated[Path | None, typer.Option(help="Write the plan here, for apply --plan.")] = None,
    fires: Annotated[
        int | None, typer.Option(min=0, max=100, help="How many due times of every job; 0: none.")
    ] = None,
    origin: OriginOption = "",
    replaces: ReplacesOption = [],  # noqa: B006 - typer copies it
    as_json: JsonOption = False,
) -> None:
    """Show what an apply would change. Exit code 3: it would change something; 0: nothing."""
    world = world_of(context)
    written = read_written(file, origin)
    made = make_plan(world, written, replaces, sure=bool(origin))
    count = USUAL if fires is None else fires
    now = world.clock.now()
    if out is not None:
        write_plan(out, plan_object(made, fires_object(fires_of(written.jobs, now, count))))
    if as_json:
        print_json(plan_object(made, fires_object(fires_of(written.jobs, now, count))))
    else:
        print_changes(made, written)
        if not made.errors:
            _print_fires(made, written, now, count, asked=fires is not None)
        say(f"{escaped(written.origin)}: {summary(made, done=False)}")
    errors_told(made.errors)
    if made.errors:
        raise typer.Exit(INVALID)
    if made.has_changes:
        next_command("headgate jobs apply" + options(file) + _same(out, origin, replaces))
        raise typer.Exit(CHANGES)


def _same(out: Path | None, origin: str, replaces: list[str]) -> str:
    """The options that make the apply mean what was planned; a saved plan knows them."""
    if out is not None:
        return f" --plan {out}"
    found = [f" --origin {origin}"] if origin else []
    return "".join((*found, *(f" --replaces {other}" for other in replaces)))


def make_plan(world: "World", written: "JobsFile", replaces: list[str], *, sure: bool) -> "JobsPlan":
    from headgate.usecases.plan_jobs import plan_jobs

    return plan_jobs(
        written,
        jobs=world.jobs,
        scheduler=world.scheduler,
        activities=world.activities,
        secrets=world.secrets,
        replaces=replaces,
        sure=sure,
    )


def _print_fires(made: "JobsPlan", written: "JobsFile", now: float, count: int, *, asked: bool) -> None:
    from headgate.domain.file_words import schedule_text

    changed = [change.job for change in made.schedules]
    shown = worth_showing(written.jobs, changed, asked=asked)
    words = {job.name: " · ".join(map(schedule_text, job.schedules)) for job in shown}
    scheduled = sum(bool(job.schedules) for job in written.jobs)
    found = fires_of(shown, now, count)
    print_fires(found, words, scheduled - len(shown))
    if found:
        say("")
