"""`headgate cancel`: stop a run, wait until it is over, and say what was stopped."""

from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import FAILED, INTERRUPTED, TIMED_OUT
from headgate_cli.output import escaped, next_command, note, painted, print_json, say
from headgate_cli.runs import JsonOption, RunArgument, run_id_of, who
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.run import Run

LOOK_SECONDS = 0.5
LONGEST_REASON = 500


def cancel(
    context: typer.Context,
    run: RunArgument,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why, for whoever looks at the run later.")
    ] = "",
    timeout: Annotated[float, typer.Option(min=0, help="Stop waiting after so many seconds.")] = 180,
    as_json: JsonOption = False,
) -> None:
    """Cancel a run: its queries are cancelled, nothing more begins."""
    from headgate.domain.run import RunStatus
    from headgate.domain.run_object import run_object
    from headgate.usecases.cancel_run import cancel_run

    world = world_of(context)
    run_id = run_id_of(world, run)
    why = " ".join(reason.split())[:LONGEST_REASON]
    cancel_run(
        run_id,
        (who() or "by hand") + (f" ({why})" if why else ""),
        runs=world.runs,
        machine=world.machine,
        queue=world.queue,
        bus=world.bus,
    )
    ended = _until_over(world, run_id, timeout)
    if as_json:
        print_json({"run": run_object(ended)})
    else:
        told = f"{painted(ended.status.value)}  [bold]run {run_id}[/] of {ended.job}"
        say(f"{told}  {escaped(ended.error or '')}".rstrip())
        next_command(f"headgate runs view {run_id}", f"headgate retry {run_id}")
    if ended.status is not RunStatus.CANCELLED:
        note(f"[yellow]![/] run {run_id} was over before it could be stopped")
        raise typer.Exit(FAILED)


def _until_over(world: "World", run_id: int, timeout: float) -> "Run":
    until = world.clock.now() + timeout
    told = False
    try:
        while not (run := world.runs.get_run(run_id)).status.is_final:
            if not told:
                note(f"[bright_black]run {run_id} is asked to stop; waiting for its runners to leave[/]")
                told = True
            if world.clock.now() >= until:
                note(
                    f"[yellow]![/] run {run_id} is still {run.status.value} after {timeout:g} s; it goes on stopping"
                )
                next_command(f"headgate runs watch {run_id}")
                raise typer.Exit(TIMED_OUT)
            world.clock.sleep(LOOK_SECONDS)
    except KeyboardInterrupt:
        note(f"\nstopped waiting; run {run_id} goes on stopping")
        next_command(f"headgate runs watch {run_id}")
        raise typer.Exit(INTERRUPTED) from None
    return run
