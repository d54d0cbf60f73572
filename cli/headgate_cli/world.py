"""Which stack is meant: HEADGATE_STACK or the HEADGATE_* variables, else the local stack of this folder or above it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from headgate.settings import variables_of

if TYPE_CHECKING:
    from headgate.bootstrap import World

LOCAL_FILE = Path(".headgate") / "local.json"
REQUIRED = "HEADGATE_TABLE"
STACK = "HEADGATE_STACK"


class NotConfiguredError(Exception):
    """Nothing says which stack is meant."""


def world_of(context: typer.Context) -> "World":
    """Every port of the stack that is meant. Raises NotConfiguredError.

    A caller that brings its own world (tests do) passes it as the context's object.
    """
    if context.obj is not None:
        return cast("World", context.obj)
    choose_stack()
    from headgate.bootstrap import world

    return world()


def choose_stack() -> None:
    """Set this process's environment to the stack that is meant."""
    named, configured = os.environ.get(STACK), os.environ.get(REQUIRED)
    if named or configured:
        # Other AWS tools read either name; boto3 reads the second only.
        if region := os.environ.get("AWS_REGION"):
            os.environ.setdefault("AWS_DEFAULT_REGION", region)
        if named and not configured:
            os.environ.update(variables_of(_outputs_of(named)))
        return
    root = local_root()
    if root is None:
        raise NotConfiguredError(
            "no stack is configured: there is no local stack here and HEADGATE_STACK is not set.\n"
            "On this machine: `headgate local up --detach`. On AWS: export HEADGATE_STACK=<the stack's name>."
        )
    from headgate_local.environment import enter_local_environment

    enter_local_environment(root)


def _outputs_of(stack: str) -> dict[str, str]:
    """A deployed stack's outputs; whoever may describe it needs no further configuration."""
    import boto3
    from botocore.exceptions import ClientError

    try:
        [found] = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as refusal:
        raise NotConfiguredError(f"the stack {stack!r} cannot be described: {refusal}") from refusal
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def address_of(world: "World", run_id: int) -> str:
    """A run's page, or nothing where no console is configured."""
    url = world.settings.variables.get("HEADGATE_CONSOLE_URL", "").rstrip("/")
    return f"{url}/runs/{run_id}" if url else ""


def local_root(start: Path | None = None) -> Path | None:
    """The nearest folder, from `start` upwards, whose local stack was started."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / LOCAL_FILE).is_file()), None)


def state_folder(start: Path) -> Path:
    """Where this machine's own state lives: the nearest `.headgate` upwards, else one in `start`."""
    here = start.resolve()
    found = (folder / ".headgate" for folder in (here, *here.parents))
    return next((folder for folder in found if folder.is_dir()), here / ".headgate")
