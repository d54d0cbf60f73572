"""`headgate jobs pause` and `resume`: whether anything but a person starts a job."""

from typing import Annotated

import typer

from headgate_cli.jobs.options import JsonOption
from headgate_cli.output import escaped, next_command, note, print_json, say
from headgate_cli.runs import who
from headgate_cli.world import world_of

JobArgument = Annotated[str, typer.Argument(metavar="JOB", help="A job's name, as in headgate.yml.")]
LONGEST_REASON = 500


def pause(
    context: typer.Context,
    job: JobArgument,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for whoever wonders later.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Let nothing but a person start a job; what runs goes on."""
    from headgate.usecases.pause_job import pause_job

    world = world_of(context)
    why = " ".join(reason.split())[:LONGEST_REASON]
    told = (who() or "by hand") + (f" ({why})" if why else "")
    paused = pause_job(job, told, jobs=world.jobs, activities=world.activities)
    if as_json:
        print_json({"job": job, "paused": told})
        return
    say(f"[yellow]∥[/] [bold]{job}[/] is paused {escaped(told)}")
    if paused.paused:
        note("[yellow]![/] its jobs file pauses it as well: resuming takes an apply without paused: true")
    next_command(f"headgate jobs resume {job}", "headgate jobs list")


def resume(context: typer.Context, job: JobArgument, as_json: JsonOption = False) -> None:
    """Let events and schedules start a job again, also one that its failures switched off."""
    from headgate.usecases.pause_job import resume_job

    world = world_of(context)
    before = world.activities.activity(job)
    resume_job(job, jobs=world.jobs, activities=world.activities, clock=world.clock)
    if as_json:
        print_json({"job": job, "was_off": before.is_off})
        return
    told = "starts by itself again" if before.is_off else "was not paused"
    say(f"[green]✓[/] [bold]{job}[/] {told}")
    next_command(f"headgate run {job}", "headgate jobs list")
