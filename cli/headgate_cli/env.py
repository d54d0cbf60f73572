"""`headgate env`: which variables dbt gets and who says so, setting a secret, and trying the connection."""

import sys
import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.faults import FAILED, INTERRUPTED, TIMED_OUT
from headgate_cli.output import (
    escaped,
    next_command,
    note,
    print_json,
    print_table,
    say,
    table,
)
from headgate_cli.runs import JsonOption, TimeoutOption, who
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.run import Run
    from headgate.usecases.list_variables import Listed, Listing

MASK = "******"
_FIRST_CHECK = "dbt version: "

app = typer.Typer(no_args_is_help=True, help="Variables, secrets and connection of an environment.")

EnvironmentArgument = Annotated[str, typer.Argument(metavar="ENVIRONMENT", help="As in headgate.yml.")]
JobOption = Annotated[str, typer.Option(help="With what this job says before its environment.")]


@app.command("list")
def list_(
    context: typer.Context,
    environment: Annotated[
        str, typer.Argument(metavar="[ENVIRONMENT]", help="As in headgate.yml; else every one.")
    ] = "",
    job: JobOption = "",
    as_json: JsonOption = False,
) -> None:
    """What `env_var()` gives, and who says so. Secrets are never shown."""
    from headgate.errors import InputError
    from headgate.usecases.list_variables import list_variables

    world = world_of(context)
    if job and not environment:
        environment = world.jobs.job(job).environment
    names = [environment] if environment else _environments(world)
    if not names:
        raise InputError("nothing is applied yet: `headgate jobs apply`")
    ports = {"jobs": world.jobs, "bundles": world.bundles, "secrets": world.secrets}
    found = [list_variables(name, job, **ports) for name in names]  # type: ignore[arg-type]
    if as_json:
        print_json({"environments": [_object(listing) for listing in found]})
        return
    for listing in found:
        _print(listing)
    missing = next(
        (one for listing in found for one in listing.variables if one.variable.is_secret and one.fault), None
    )
    if missing is not None:
        next_command(f"headgate env set-secret {found[0].environment} {missing.variable.name} < FILE")


def _environments(world: "World") -> list[str]:
    return sorted({one.name for applied in world.jobs.applied() for one in applied.file.environments})


def _object(listing: "Listing") -> dict[str, Any]:
    return {
        "environment": listing.environment,
        "job": listing.job or None,
        "variables": [
            {
                "name": one.variable.name,
                "value": MASK if one.variable.is_secret else one.variable.value,
                "origin": one.variable.origin,
                "secret": one.variable.reference or None,
                "fault": one.fault or None,
            }
            for one in listing.variables
        ],
        "computes_names": listing.computes,
    }


def _print(listing: "Listing") -> None:
    whose = f"[bold]{listing.environment}[/]" + (f" · job [bold]{listing.job}[/]" if listing.job else "")
    if not listing.variables:
        note(f"{whose}  no variable is set, and the published project reads none")
        return
    say(whose)
    shown = table("variable", "value", "set by", whole=("variable",))
    for one in listing.variables:
        shown.add_row(escaped(one.variable.name), _value(one), escaped(one.variable.origin))
    print_table(shown)
    if listing.computes:
        note("[yellow]![/] the project computes names of variables: what those give is not listed")


def _value(one: "Listed") -> str:
    fault = f"[red]✗ {escaped(one.fault)}[/]" if one.fault else ""
    if one.variable.is_secret:
        return f"{MASK}  [bright_black]{escaped(one.variable.reference)}[/]  {fault}".rstrip()
    return fault or escaped(one.variable.value or "''")


@app.command("set-secret")
def set_secret(
    context: typer.Context,
    environment: EnvironmentArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The variable, one of `secrets:`.")],
    value: Annotated[list[str] | None, typer.Argument(hidden=True)] = None,
    job: JobOption = "",
    as_json: JsonOption = False,
) -> None:
    """Store the value of a secret variable. It is read from the standard input alone."""
    from headgate.errors import InputError
    from headgate.usecases import list_variables as variables

    if value:
        raise InputError(
            "a value on the command line stays in the shell's history and in the list of processes: pipe it, as in "
            f"`headgate env set-secret {environment} {name} < FILE`"
        )
    world = world_of(context)
    # Before somebody types a password for nothing.
    variables.reference_of(environment, name, job=job, jobs=world.jobs)
    given = _given(name)
    reference = variables.set_secret(
        environment, name, given, job=job, jobs=world.jobs, secrets=world.secrets
    )
    secret, _, key = reference.partition("#")
    if as_json:
        print_json({"environment": environment, "name": name, "secret": secret, "key": key})
        return
    say(f"[green]✓[/] {escaped(name)} is stored in the secret [bold]{escaped(secret)}[/], key {escaped(key)}")
    next_command(f"headgate env test {environment}" + (f" --job {job}" if job else ""))


def _given(name: str) -> str:
    if sys.stdin.isatty():
        import getpass

        return getpass.getpass(f"{name}: ")
    # Of what `echo` adds, one line end; a key of several lines keeps its own.
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


@app.command("test")
def try_it(
    context: typer.Context,
    environment: EnvironmentArgument,
    job: JobOption = "",
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let a real runner do `dbt debug`; exit code 1 unless every check passes."""
    from headgate.domain.env_test import env_test
    from headgate.domain.run import Cause
    from headgate.errors import NotFoundError
    from headgate.usecases.list_variables import environment_of, job_of
    from headgate.usecases.start_job import start_job

    world = world_of(context)
    tested = env_test(environment_of(environment, world.jobs), job_of(job, environment, world.jobs))
    try:
        world.jobs.bundle_of(environment)
    except NotFoundError as fault:
        raise NotFoundError(f"{fault}: `headgate publish --environment {environment}`") from None
    cause = Cause(kind="cli", key=str(uuid.uuid4()), detail=who())
    run = start_job(tested, cause, jobs=world.jobs, runs=world.runs, bus=world.bus)
    _tell(world, _until_over(world, run.run_id, timeout), environment, job, as_json)


def _until_over(world: "World", run_id: int, timeout: float | None) -> "Run":
    from headgate_cli.watch import WatchTimedOutError, watch

    try:
        return watch(world, run_id, timeout).run
    except WatchTimedOutError as fault:
        note(f"[yellow]![/] {fault}")
        next_command(f"headgate runs watch {run_id}")
        raise typer.Exit(TIMED_OUT) from None
    except KeyboardInterrupt:
        note(f"\nstopped watching; run {run_id} goes on")
        next_command(f"headgate cancel {run_id}")
        raise typer.Exit(INTERRUPTED) from None


def _tell(world: "World", run: "Run", environment: str, job: str, as_json: bool) -> None:
    passed, lines = run.status.value == "success", _checks(world, run.run_id)
    if as_json:
        print_json(
            {
                "environment": environment,
                "job": job or None,
                "run_id": run.run_id,
                "passed": passed,
                "error": run.error,
                "checks": lines,
            }
        )
    else:
        for line in lines:
            say(escaped(line))
        said = f"run {run.run_id}: {environment}"
        if passed:
            say(f"[green]✓[/] {said} can be reached as it is configured")
        else:
            # The checks above tell all of it.
            why = (run.error or "nobody knows why").partition("\n")[0]
            say(f"[red]✗[/] {said}: {escaped(why)}")
            next_command(f"headgate env list {environment}", f"headgate logs {run.run_id}")
    if not passed:
        raise typer.Exit(FAILED)


def _checks(world: "World", run_id: int) -> list[str]:
    """dbt's own lines: from the first thing that `dbt debug` says to the last. Of what fails it tells twice."""
    said = [
        str(line.get("message", "")).rstrip()
        for line in world.artifacts.logs(run_id, 1)
        if line.get("level") != "debug"
    ]
    first = next((at for at, line in enumerate(said) if line.startswith(_FIRST_CHECK)), len(said))
    found = [line for line in said[first:] if line]
    return [line for at, line in enumerate(found) if "\n" not in line or line not in found[:at]]
