"""`headgate trigger`: send what a sender would send, correctly signed, to the stack's own front door."""

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from headgate_cli.faults import FAILED, NOT_CONFIGURED
from headgate_cli.output import escaped, next_command, note, print_json, say
from headgate_cli.world import world_of

if TYPE_CHECKING:
    import httpx

app = typer.Typer(no_args_is_help=True, help="Send a sample event, as its sender would.")

_MEANINGS = {
    "accepted": "every job that waits for this connector starts",
    "duplicate": "this event is known already; nothing starts",
    "ignored": "authentic, but no reason to start anything",
    "test": "recognised as a test; nothing starts",
}


@app.callback()
def _noun() -> None:
    """Keeps `fivetran` a word of its own, also while it is the only one."""


@app.command()
def fivetran(
    context: typer.Context,
    connector: Annotated[str, typer.Option(help="The connector's id, as in headgate.yml.")],
    source: Annotated[str, typer.Option(help="Last part of the webhook's address.")] = "default",
    status: Annotated[str, typer.Option(help="How the sync ended.")] = "SUCCESSFUL",
    sync_id: Annotated[str, typer.Option(help="Send this sync again instead of a new one.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """Send the webhook of a finished Fivetran sync."""
    import httpx

    from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, sign

    world = world_of(context)
    secret = world.secrets.get(f"webhooks/fivetran/{source}")["secret"]
    address = f"{world.settings.console_url}/webhooks/fivetran/{source}"
    sync = sync_id or str(uuid.uuid4())
    body = _sync_end(connector, sync, status)
    headers = {"content-type": "application/json", SIGNATURE_HEADER: sign(body, secret)}
    try:
        answer = httpx.post(address, content=body, headers=headers, timeout=30)
    except httpx.HTTPError as fault:
        note(f"[red]error[/] {escaped(address)} does not answer: {escaped(str(fault))}")
        raise typer.Exit(NOT_CONFIGURED) from None
    _tell(connector, sync, answer, as_json)


def _sync_end(connector: str, sync: str, status: str) -> bytes:
    """The body as Fivetran words it: https://fivetran.com/docs/rest-api/webhooks"""
    message = {
        "event": "sync_end",
        "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "connector_type": "sample",
        "connector_id": connector,
        "connector_name": connector,
        "sync_id": sync,
        "destination_group_id": "headgate_trigger",
        "data": {"status": status},
    }
    return json.dumps(message).encode()


def _tell(connector: str, sync: str, answer: "httpx.Response", as_json: bool) -> None:
    outcome = _outcome(answer)
    if as_json:
        print_json(
            {"http_status": answer.status_code, "outcome": outcome, "connector": connector, "sync_id": sync}
        )
    elif answer.is_success:
        meaning = _MEANINGS.get(outcome, "")
        say(f"[green]✓[/] {answer.status_code} [bold]{escaped(outcome)}[/]: {meaning}")
        next_command("headgate events list", "headgate runs list")
    else:
        say(f"[red]✕[/] {answer.status_code} {escaped(answer.text[:500])}")
    if not answer.is_success:
        raise typer.Exit(FAILED)


def _outcome(answer: "httpx.Response") -> str:
    try:
        return str(answer.json()["status"])
    except (ValueError, KeyError, TypeError):
        return "refused"
