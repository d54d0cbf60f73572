"""`headgate runs`: list them, look at one, watch one."""

from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import FAILED, INTERRUPTED, TIMED_OUT
from headgate_cli.moments import local_time, seconds_between
from headgate_cli.output import (
    escaped,
    next_command,
    note,
    painted,
    print_json,
    print_table,
    say,
    seconds_text,
    table,
)
from headgate_cli.world import address_of, world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.run import Run
    from headgate.domain.run_view import RunView

app = typer.Typer(no_args_is_help=True, help="Runs: list, view, watch.")

RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="A run's number, or `latest`.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print an object.")]
AllOption = Annotated[bool, typer.Option("--all", help="Fold neither passed tests nor skipped nodes.")]
TimeoutOption = Annotated[float | None, typer.Option(min=0, help="Stop waiting after so many seconds.")]


def follow(world: "World", run: "Run", *, watch: bool, timeout: float | None, as_json: bool) -> None:
    """Show a run that was just made: until it is over, or only that it waits."""
    from headgate.domain.run_object import run_object
    from headgate.usecases.view_queue import view_queue

    if watch:
        _watch(world, run.run_id, timeout, as_json)
        return
    wait = view_queue([run], runs=world.runs, jobs=world.jobs, clock=world.clock).get(run.run_id)
    if as_json:
        print_json({"run": run_object(run, wait)})
    elif wait is None:
        say(
            f"run [bold]{run.run_id}[/] of {run.job}: {painted(run.status.value)}  {escaped(run.error or '')}".rstrip()
        )
    else:
        why = f": {escaped(wait.sentence)}" if wait.waits_for is not None else ""
        say(f"[green]✓[/] run [bold]{run.run_id}[/] of {run.job} is queued{why}")
        next_command(f"headgate runs watch {run.run_id}")


@app.command("list")
def list_runs(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    job: Annotated[str | None, typer.Option(help="Only this job's.")] = None,
    as_json: JsonOption = False,
) -> None:
    """The latest runs, newest first."""
    from headgate.domain.run_object import run_object
    from headgate.usecases.view_queue import view_queue

    world = world_of(context)
    runs = world.runs.list_runs(limit, job)
    waits = view_queue(runs, runs=world.runs, jobs=world.jobs, clock=world.clock)
    if as_json:
        print_json({"runs": [run_object(found, waits.get(found.run_id)) for found in runs]})
        return
    if not runs:
        note("there is no run yet")
        next_command("headgate run JOB", "headgate trigger test fivetran --connector NAME")
        return
    shown = table("run", "job", "status", "created", "time", "cause", "nodes", right=("run", "time"))
    for found in runs:
        seconds = seconds_between(found.created_at, found.finished_at, world.clock.now())
        shown.add_row(
            str(found.run_id),
            found.job,
            painted(found.status.value),
            local_time(found.created_at),
            seconds_text(seconds) if seconds is not None else "",
            escaped(found.cause_text),
            ", ".join(f"{number} {status}" for status, number in found.counts.items()),
        )
    print_table(shown)
    for run_id, wait in sorted(waits.items()):
        say(f"[bright_black]run {run_id}: {escaped(wait.sentence)}[/]")
    next_command(f"headgate runs view {runs[0].run_id}")


@app.command()
def view(
    context: typer.Context, run: RunArgument, everything: AllOption = False, as_json: JsonOption = False
) -> None:
    """A run and what became of each node, as the table has it now."""
    from headgate_cli.watch import look_at

    world = world_of(context)
    _print(world, look_at(world, run_id_of(world, run)), as_json, "everything" if everything else "built")


@app.command()
def watch(
    context: typer.Context, run: RunArgument, timeout: TimeoutOption = None, as_json: JsonOption = False
) -> None:
    """Show a run until it is over; exit code 1 unless it succeeded."""
    world = world_of(context)
    _watch(world, run_id_of(world, run), timeout, as_json)


def _watch(world: "World", run_id: int, timeout: float | None, as_json: bool) -> None:
    from headgate.domain.run import RunStatus
    from headgate_cli.watch import WatchTimedOutError
    from headgate_cli.watch import watch as watch_run

    try:
        view = watch_run(world, run_id, timeout)
    except WatchTimedOutError as fault:
        note(f"[yellow]![/] {fault}")
        next_command(f"headgate runs watch {run_id}")
        raise typer.Exit(TIMED_OUT) from None
    except KeyboardInterrupt:
        note(f"\nstopped watching; run {run_id} goes on")
        next_command(f"headgate runs watch {run_id}", f"headgate cancel {run_id}")
        raise typer.Exit(INTERRUPTED) from None
    _print(world, view, as_json, "notable")
    if view.run.status is not RunStatus.SUCCESS:
        raise typer.Exit(FAILED)


def _print(world: "World", view: "RunView", as_json: bool, detail: str) -> None:
    from headgate_cli.described import view_object
    from headgate_cli.report import Detail, print_report

    if as_json:
        print_json(view_object(view))
    else:
        print_report(view, address_of(world, view.run.run_id), Detail(detail))


def run_id_of(world: "World", text: str) -> int:
    """`12`, `run-12` or `latest`. Raises InputError or NotFoundError."""
    from headgate.errors import InputError, NotFoundError

    if text == "latest":
        runs = world.runs.list_runs(1)
        if not runs:
            raise NotFoundError("there is no run yet: `headgate run JOB`")
        return runs[0].run_id
    number = text.removeprefix("run-")
    if not number.isdecimal():
        raise InputError(
            f"{text!r} is not a run: give its number, or 'latest'; `headgate runs list` shows them"
        )
    return int(number)


def who() -> str:
    """Who uses this command, as in "by ana"; nothing if the system does not tell."""
    import getpass

    try:
        return f"by {getpass.getuser()}"
    except (OSError, KeyError):
        return ""
