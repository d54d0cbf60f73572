"""`headgate trigger rotate`: a new secret, while the old one is still taken for a while."""

from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.output import next_command
from headgate_cli.runs import JsonOption
from headgate_cli.trigger.add import GivenOption
from headgate_cli.trigger.shown import given_secret, show
from headgate_cli.trigger.source import S3, secret_of, source_of
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from collections.abc import Mapping

# A function remembers a secret for five minutes: a shorter overlap would be longer in some of them.
SHORTEST_OVERLAP = 300.0
# Within this a function that met the new secret too early asks again.
UNTIL_KNOWN = 1.0


def rotate(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(metavar="KIND[/NAME]", help="As `headgate trigger list` shows it.")
    ],
    overlap: Annotated[str, typer.Option(help="How long the old secret is taken as well.")] = "24h",
    at_once: Annotated[
        bool,
        typer.Option(
            "--now", help="The old secret is not taken any more, five minutes from now at the latest."
        ),
    ] = False,
    given: GivenOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a new secret. Give it to the sender before the old one ends."""
    from headgate.domain.webhook_secret import rotated
    from headgate.errors import InputError

    world = world_of(context)
    found = source_of(source, world)
    if found.kind == S3:
        raise InputError("S3 has no secret")
    seconds = 0.0 if at_once else _overlap(overlap)
    values, now = secret_of(found, world), world.clock.now()
    if not at_once:
        _refuse_third(values, now)
    secret = given_secret() if given else found.new_secret()
    changed = rotated(values, secret, now, seconds)
    world.secrets.put(found.secret_name, changed)
    world.clock.sleep(UNTIL_KNOWN)
    until = changed.get("previous_until", "")
    facts = {"old_until": until} if until or as_json else {}
    show(found, world.settings.console_url, secret, as_json, **facts)
    if not as_json:
        next_command(f"headgate trigger test {found.label}", "headgate trigger list")


def _overlap(text: str) -> float:
    from headgate.domain.time_span import seconds_of
    from headgate.errors import InputError

    seconds = seconds_of(text)
    if seconds < SHORTEST_OVERLAP:
        raise InputError("--overlap is at least 5m: functions remember a secret for so long. Or: --now")
    return seconds


def _refuse_third(values: "Mapping[str, str]", now: float) -> None:
    """Two are valid at once, not three: whoever still signs with the first would be refused."""
    from headgate.domain.webhook_secret import valid_secrets
    from headgate.errors import InputError

    if len(valid_secrets(values, now)) > 1:
        raise InputError(
            f"the secret before this one is taken until {values.get('previous_until')}: rotate after that, "
            "or with --now, which ends both"
        )
