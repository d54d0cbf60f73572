"""`headgate trigger add`: an address and a secret for a sender."""

from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.output import escaped, next_command, print_json, say
from headgate_cli.runs import JsonOption
from headgate_cli.trigger.shown import given_secret, show
from headgate_cli.trigger.source import S3, Source, source_of
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World

GivenOption = Annotated[bool, typer.Option("--given", help="The sender made the secret: read it from stdin.")]


def add(
    context: typer.Context,
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="fivetran, airbyte, github, gitlab, dbt_cloud, s3, or a receiver of headgate.yml.",
        ),
    ],
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="A second one of its kind.")] = "",
    given: GivenOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a secret of 256 bits, and say where it and the address go."""
    from headgate.domain.webhook_secret import first_secret

    world = world_of(context)
    source = source_of(kind, world, name)
    if source.kind == S3:
        _explain_s3(as_json)
        return
    _refuse_known(source, world)
    secret = given_secret() if given else source.new_secret()
    world.secrets.put(source.secret_name, first_secret(secret, world.clock.now()))
    show(source, world.settings.console_url, secret, as_json)
    if not as_json:
        next_command(f"headgate trigger test {source.label}", "headgate trigger list")


def _refuse_known(source: Source, world: "World") -> None:
    from headgate.errors import InputError, NotFoundError

    try:
        known = world.secrets.get(source.secret_name, fresh=True)
    except NotFoundError:
        return
    if known.get("secret"):
        raise InputError(
            f"{source.label} has a secret already: `headgate trigger rotate {source.label}` makes a new one, "
            f"`headgate trigger add {source.kind} NAME` another source"
        )


def _explain_s3(as_json: bool) -> None:
    steps = [
        "aws s3api put-bucket-notification-configuration --bucket BUCKET "
        "--notification-configuration EventBridgeConfiguration={}",
        "sam deploy --parameter-overrides TriggerBuckets=BUCKET",
    ]
    if as_json:
        print_json({"source": S3, "steps": steps})
        return
    say("S3 needs no secret: the bucket tells EventBridge, and the stack listens.")
    for step in steps:
        say(escaped(step))
    next_command("headgate trigger test s3 --bucket BUCKET --key KEY")
