"""`headgate local`: the whole stack on this machine, without Docker and without an AWS account."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import FAILED
from headgate_cli.output import escaped, next_command, note, print_json, print_table, say, table
from headgate_cli.world import LOCAL_FILE, local_root

if TYPE_CHECKING:
    from headgate_local.local_file import LocalStack

app = typer.Typer(no_args_is_help=True, help="The stack on this machine: up, down, status, reset.")


@app.command()
def up(
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave it running and return.")] = False,
    port: Annotated[
        int, typer.Option(min=1, max=65535, help="Of the front door; the next free one if taken.")
    ] = 8080,
) -> None:
    """Start the local stack and deploy the template; Ctrl-C takes it down unless detached."""
    from headgate_local import stack

    def ready(running: "LocalStack") -> None:
        _tell(running)
        if not detach:
            note("[bright_black]Ctrl-C takes the stack down.[/]")

    stack.up(_project(), port=port, detach=detach, on_step=_step, on_ready=ready)


@app.command()
def down() -> None:
    """Stop the local stack; what it stored stays for the next time."""
    from headgate_local import stack

    was_running = stack.down(_project(), on_step=_step)
    say("[green]✓[/] the local stack is down" if was_running else "the local stack was not running")
    next_command("headgate local up --detach")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False) -> None:
    """Every part of the local stack; exit code 1 unless all of it runs."""
    from headgate_local import stack
    from headgate_local.local_file import read_local_file

    root = _project()
    parts = stack.status(root)
    running = read_local_file(root / LOCAL_FILE)
    healthy = bool(parts) and all(part.state == "running" for part in parts)
    if as_json:
        described = [
            {
                "name": part.name,
                "state": str(part.state),
                "pid": part.pid,
                "port": part.port,
                "message": part.message,
            }
            for part in parts
        ]
        print_json(
            {"running": healthy, "url": running.url if running and healthy else None, "parts": described}
        )
    elif not parts:
        note("the local stack is not running")
        next_command("headgate local up --detach")
    else:
        shown = table("part", "state", "pid", "port", "", right=("pid", "port"))
        for part in parts:
            colour = "green" if part.state == "running" else "red"
            numbers = (str(part.pid or ""), str(part.port or ""))
            shown.add_row(part.name, f"[{colour}]{part.state}[/]", *numbers, escaped(part.message or ""))
        print_table(shown)
        if running and healthy:
            say(running.url)
    if not healthy:
        raise typer.Exit(FAILED)


@app.command()
def reset(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Stop the local stack and delete everything that it stored."""
    import sys

    from headgate.errors import InputError
    from headgate_local import stack

    root = _project()
    if not yes:
        if not sys.stdin.isatty():
            raise InputError(f"this deletes {root / '.headgate'}: add --yes")
        typer.confirm(f"Delete {root / '.headgate'} and everything in it?", abort=True)
    stack.reset(root, on_step=_step)
    say("[green]✓[/] the local stack is as if it had never run")
    next_command("headgate local up --detach")


def _step(text: str) -> None:
    note(f"[bright_black]{escaped(text)} …[/]")


def _project() -> Path:
    """The folder whose stack is meant: where one was started, else the nearest with a template.yaml."""
    here = Path.cwd()
    found = local_root() or next((f for f in (here, *here.parents) if (f / "template.yaml").is_file()), None)
    return found or here


def _tell(running: "LocalStack") -> None:
    say(f"[green]✓[/] the local stack is up: [bold]{running.url}[/]")
    warehouse = running.warehouse
    say(f"  webhooks   {running.url}/webhooks/fivetran/{running.fivetran_source}")
    say(f"  warehouse  postgresql://{warehouse.user}@{warehouse.host}:{warehouse.port}/{warehouse.dbname}")
    say(f"  secrets    {LOCAL_FILE}")
    next_command(
        "headgate publish --project-dir examples/shop",
        "headgate jobs apply --file examples/shop/headgate.yml",
    )
