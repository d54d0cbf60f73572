"""`headgate logs`: what the runners of a run said, all of it or one node's."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import typer

from headgate_cli.moments import clock_time
from headgate_cli.output import console, escaped, next_command, note, print_json
from headgate_cli.runs import JsonOption, RunArgument, run_id_of
from headgate_cli.world import world_of

_LEVELS = ("debug", "info", "warn", "error")
_COLOURS = {"error": "red", "warn": "yellow", "warning": "yellow", "debug": "bright_black"}


def logs(
    context: typer.Context,
    run: RunArgument,
    node: Annotated[
        str, typer.Argument(metavar="[NODE]", help="Only this node's: its name or unique_id.")
    ] = "",
    step: Annotated[int, typer.Option(min=0, help="Only this step's; 0 is all.")] = 0,
    level: Annotated[
        str, typer.Option(help="The least important level shown: debug, info, warn or error.")
    ] = "info",
    as_json: JsonOption = False,
) -> None:
    """A run's log, by time."""
    from headgate.errors import InputError

    if level not in _LEVELS:
        raise InputError(f"--level {level!r} is not known: one of {', '.join(_LEVELS)}")
    world = world_of(context)
    found = world.runs.get_run(run_id_of(world, run))
    steps = [step] if step else range(1, len(found.steps) + 1)
    lines = [
        {"step": number, **line} for number in steps for line in world.artifacts.logs(found.run_id, number)
    ]
    if node:
        lines = _of_node(lines, node, found.run_id, _known_nodes(world, found.run_id, steps))
    lines = [line for line in lines if _rank(line) >= _LEVELS.index(level)]
    if as_json:
        print_json({"run_id": found.run_id, "lines": lines})
        return
    for line in lines:
        _print(line)
    if not lines:
        note("nothing was logged" + ("" if found.status.is_final else " yet"))
    next_command(f"headgate runs view {found.run_id}")


def _known_nodes(world: Any, run_id: int, steps: Iterable[int]) -> set[str]:
    return {record.unique_id for number in steps for record in world.queue.nodes(run_id, number)}


def _of_node(lines: list[dict[str, Any]], node: str, run_id: int, known: set[str]) -> list[dict[str, Any]]:
    from difflib import get_close_matches

    from headgate.errors import NotFoundError
    from headgate_cli.described import node_name

    wanted = {unique_id for unique_id in known if node in (unique_id, node_name(unique_id))}
    if not wanted:
        near = get_close_matches(node, [node_name(unique_id) for unique_id in known], n=1, cutoff=0.5)
        raise NotFoundError(
            f"run {run_id} has no node {node!r}" + (f". Did you mean {near[0]}?" if near else "")
        )
    return [line for line in lines if line.get("node") in wanted]


def _rank(line: Mapping[str, Any]) -> int:
    level = str(line.get("level") or "info").removesuffix("ing")
    return _LEVELS.index(level) if level in _LEVELS else 1


def _print(line: Mapping[str, Any]) -> None:
    from headgate_cli.described import node_name

    colour = _COLOURS.get(str(line.get("level")), "")
    message = escaped(str(line.get("message", "")).rstrip())
    node = node_name(str(line["node"])) if line.get("node") else ""
    head = f"[bright_black]{clock_time(line.get('at'))} r{line.get('runner', '?')}[/] "
    name = f"[cyan]{escaped(node)}[/]  " if node else ""
    console().print(head + name + (f"[{colour}]{message}[/]" if colour else message), soft_wrap=True)
