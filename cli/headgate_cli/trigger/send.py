"""`headgate trigger test`: send what a sender would send, correctly signed, to the stack's own front door."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.faults import FAILED, NOT_CONFIGURED
from headgate_cli.output import escaped, next_command, note, print_json, say
from headgate_cli.runs import JsonOption
from headgate_cli.trigger.sample import Wish, sample_of
from headgate_cli.trigger.source import S3, Source, secret_of, source_of
from headgate_cli.world import world_of

if TYPE_CHECKING:
    import httpx

    from headgate.bootstrap import World

_MEANINGS = {
    "accepted": "handed on to every job that waits for it",
    "duplicate": "this event is known already; nothing starts",
    "ignored": "authentic, but no reason to start anything",
    "test": "recognised as a test; nothing starts",
}


def send_sample(
    context: typer.Context,
    source: Annotated[
        str,
        typer.Argument(
            metavar="KIND[/NAME]",
            help="fivetran, airbyte, github, gitlab, dbt_cloud, s3, or a receiver of headgate.yml.",
        ),
    ],
    connector: Annotated[
        str, typer.Option(help="fivetran, airbyte: id of the connector or connection.")
    ] = "",
    repository: Annotated[str, typer.Option(help="github, gitlab: as in org/repo.")] = "",
    job: Annotated[str, typer.Option(help="dbt_cloud: the job's id or name.")] = "",
    subject: Annotated[str, typer.Option(help="A receiver: what it is about.")] = "",
    status: Annotated[str, typer.Option(help="How it ended, in the sender's words.")] = "",
    event: Annotated[str, typer.Option(help="fivetran, github, gitlab, dbt_cloud: which event.")] = "",
    branch: Annotated[str, typer.Option(help="github, gitlab: pushed to, or merged into.")] = "main",
    sync_id: Annotated[str, typer.Option(help="Send this sync, run or message again, not a new one.")] = "",
    bucket: Annotated[str, typer.Option(help="s3: where to put a small object.")] = "",
    key: Annotated[str, typer.Option(help="s3: under which key.")] = "",
    body: Annotated[str, typer.Option(help="Send this instead of a sample.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Send a sample event as its sender would, correctly signed."""
    world = world_of(context)
    found = source_of(source, world)
    if found.kind == S3:
        _put_object(bucket or found.name, key, as_json)
        return
    wish = Wish(connector or repository or job or subject, status, event, branch, sync_id, body)
    secret = secret_of(found, world)["secret"]
    sample = sample_of(found, wish, secret, world.clock.now())
    headers = {"content-type": "application/json", **sample.headers}
    answer = _post(found, world, secret, sample.body, headers)
    _tell(found, sample.about, answer, as_json)


def _post(
    source: Source, world: "World", secret: str, body: bytes, headers: Mapping[str, str]
) -> "httpx.Response":
    import httpx

    url = world.settings.console_url
    try:
        return httpx.post(source.address(url, secret), content=body, headers=headers, timeout=30)
    except httpx.HTTPError as fault:
        # An address may hold the secret, and so may whatever httpx says of it.
        said = str(fault).replace(secret, "******")
        note(f"[red]error[/] {escaped(source.address(url, '******'))} does not answer: {escaped(said)}")
        raise typer.Exit(NOT_CONFIGURED) from None


def _tell(source: Source, about: Mapping[str, str], answer: "httpx.Response", as_json: bool) -> None:
    told = _told(answer)
    outcome = str(told.get("status", "refused"))
    if as_json:
        facts = {"http_status": answer.status_code, "outcome": outcome, "event_id": told.get("event_id", "")}
        print_json({"source": source.label, **facts, **about})
    elif answer.is_success:
        say(f"[green]✓[/] {answer.status_code} [bold]{escaped(outcome)}[/]: {_MEANINGS.get(outcome, '')}")
        next_command("headgate events list", "headgate runs list")
    else:
        say(f"[red]✕[/] {answer.status_code} {escaped(answer.text[:500])}")
    if not answer.is_success:
        raise typer.Exit(FAILED)


def _told(answer: "httpx.Response") -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _put_object(bucket: str, key: str, as_json: bool) -> None:
    """S3 itself tells the stack, if the bucket and the stack know of each other."""
    import boto3

    from headgate.errors import InputError

    if not bucket or not key or bucket == "default":
        raise InputError("which object? --bucket BUCKET --key KEY")
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=b"")
    if as_json:
        print_json({"source": S3, "bucket": bucket, "key": key, "outcome": "put"})
        return
    say(f"[green]✓[/] put s3://{escaped(bucket)}/{escaped(key)}, as an object without content")
    next_command("headgate events list", "headgate runs list")
