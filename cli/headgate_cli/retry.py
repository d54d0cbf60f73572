"""`headgate retry`: repeat a run from its failure on, or show what that would build."""

import uuid
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.described import node_name
from headgate_cli.output import (
    counted,
    escaped,
    next_command,
    print_json,
    print_table,
    say,
    seconds_text,
    table,
)
from headgate_cli.runs import JsonOption, RunArgument, TimeoutOption, follow, run_id_of, who
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.plan import Plan
    from headgate.usecases.retry_run import RetryPreview


def retry(
    context: typer.Context,
    run: RunArgument,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Build every step again, whatever went well.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be built; start nothing.")
    ] = False,
    watch: Annotated[bool, typer.Option("--watch/--no-watch", help="Show it until it is over.")] = True,
    timeout: TimeoutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Repeat a run: what failed, was skipped or never began, on the same bundle."""
    from headgate.domain.run import Cause
    from headgate.usecases.retry_run import retry_run

    world = world_of(context)
    run_id = run_id_of(world, run)
    if dry_run:
        _show(_preview(world, run_id, from_start), as_json, from_start)
        return
    detail = ", ".join(
        part for part in (f"of run {run_id}", "from its start" if from_start else "", who()) if part
    )
    made = retry_run(
        run_id,
        from_start=from_start,
        cause=Cause("retry", str(uuid.uuid4()), detail),
        runs=world.runs,
        queue=world.queue,
        bus=world.bus,
    )
    follow(world, made, watch=watch, timeout=timeout, as_json=as_json)


def _preview(world: "World", run_id: int, from_start: bool) -> "RetryPreview":
    from headgate.usecases.retry_run import retry_preview

    return retry_preview(run_id, from_start=from_start, ports=world)


def _show(preview: "RetryPreview", as_json: bool, from_start: bool) -> None:
    if as_json:
        print_json(
            {
                "retry_of": preview.retry_of,
                "first_step": preview.first_step,
                "steps": [_step_object(*it) for it in zip(preview.commands, preview.plans, strict=True)],
            }
        )
        return
    say(f"[bold]a retry of run {preview.retry_of}[/] would build:")
    for command, plan in zip(preview.commands, preview.plans, strict=True):
        _print_step(command, plan)
    option = " --from-start" if from_start else ""
    next_command(f"headgate retry {preview.retry_of}{option}")


def _step_object(command: str, plan: "Plan") -> dict[str, Any]:
    return {
        "step": plan.step,
        "command": command,
        "engine": plan.engine.value,
        "runners": plan.runners,
        "nodes": [node.unique_id for node in plan.nodes],
        "notes": list(plan.notes),
    }


def _print_step(command: str, plan: "Plan") -> None:
    what = (
        counted(len(plan.nodes), "node")
        if plan.nodes
        else "the command itself"
        if plan.has_turn
        else "nothing"
    )
    runners = f" on {counted(plan.runners, 'runner')}" if plan.runners else ""
    say(f"\n[bold]step {plan.step}[/]  {escaped(command)}: {what}{runners}")
    shown = table("node", "type", "predicted", right=("predicted",))
    for node in plan.nodes:
        seconds = seconds_text(node.predicted_seconds)
        shown.add_row(escaped(node_name(node.unique_id)), node.resource_type, f"[bright_black]{seconds}[/]")
    if plan.nodes:
        print_table(shown)
    for told in plan.notes:
        say(f"[bright_black]{escaped(told)}[/]")
