"""`headgate run`: start a job now, otherwise than its file says if need be."""

import uuid
from typing import Annotated

import typer

from headgate_cli.output import escaped, note
from headgate_cli.runs import JsonOption, TimeoutOption, follow, who
from headgate_cli.world import world_of


def run(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's name, as in headgate.yml.")],
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Show it until it is over.")] = True,
    reuse: Annotated[
        bool, typer.Option("--reuse/--no-reuse", help="Reuse what is unchanged, where the job does.")
    ] = True,
    step: Annotated[
        list[str] | None, typer.Option(help="A dbt command instead of the job's; once for each.")
    ] = None,
    schema: Annotated[str, typer.Option(help="Build in this schema, and reuse nothing.")] = "",
    threads: Annotated[int, typer.Option(min=0, help="dbt's threads; 0: the environment's.")] = 0,
    var: Annotated[
        list[str] | None, typer.Option(metavar="NAME=VALUE", help="A variable that the job declares.")
    ] = None,
    git_ref: Annotated[str, typer.Option(help="Use what was published from this branch or commit.")] = "",
    key: Annotated[
        str, typer.Option(help="Names this start: the same key again is the same run, whoever repeats it.")
    ] = "",
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Start a job now."""
    from headgate.domain.run_request import RunRequest, values_of
    from headgate.errors import NotFoundError
    from headgate.usecases.request_run import request_run

    world = world_of(context)
    found = world.jobs.job(job)
    try:
        world.jobs.bundle_of(found.environment)
    except NotFoundError as fault:
        raise NotFoundError(f"{fault}: `headgate publish --environment {found.environment}`") from None
    request = RunRequest(
        detail=who(),
        steps=tuple(step or ()),
        schema=schema,
        threads=threads,
        vars=values_of(var or (), found),
        git_ref=git_ref,
        from_start=not reuse,
    )
    done = request_run(
        job,
        request,
        kind="cli",
        key=key or str(uuid.uuid4()),
        attempt=str(uuid.uuid4()),
        jobs=world.jobs,
        runs=world.runs,
        bus=world.bus,
        activities=world.activities,
    )
    for line in done.notes:
        note(f"[yellow]![/] {escaped(line)}")
    if not done.made:
        note(f"the key {escaped(key)} made run {done.run.run_id} before: this is that run")
    follow(world, done.run, watch=watch, timeout=timeout, as_json=as_json)
