"""`headgate trigger list`: every sender, its address and secret, who waits for it, and when it was last heard of."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import typer

from headgate_cli.moments import local_time, parsed
from headgate_cli.output import escaped, next_command, note, print_json, print_table, table
from headgate_cli.runs import JsonOption
from headgate_cli.trigger.shown import HIDDEN
from headgate_cli.trigger.source import S3, Source
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.job import Job

_DAY = 86_400.0
# As far back as the last event of a source is looked for.
_RECENT = 1_000


def list_sources(context: typer.Context, as_json: JsonOption = False) -> None:
    """Every sender that has a secret, and the buckets that jobs wait for."""
    world = world_of(context)
    found = [*_webhooks(world), *_buckets(world)]
    if as_json:
        print_json({"sources": found})
        return
    if not found:
        note("no sender is known")
        next_command("headgate trigger add KIND")
        return
    shown = table("source", "address", "secret", "jobs", "last event", whole=("source",))
    for one in found:
        last = one["last_event"]
        shown.add_row(
            escaped(one["source"]),
            escaped(one["address"]),
            escaped(_secret_text(one, world.clock.now())),
            escaped(", ".join(one["jobs"]) or "none"),
            escaped(f"{local_time(last['received_at'])} {last['outcome']}" if last else "never"),
        )
    print_table(shown)
    next_command("headgate trigger test SOURCE", "headgate events list")


def _webhooks(world: "World") -> list[dict[str, Any]]:
    from headgate.domain.webhook_secret import PREFIX

    jobs, events = world.jobs.jobs(), world.events.recent(_RECENT)
    receivers = {receiver.name: receiver for receiver in world.jobs.receivers()}
    found = []
    for name in world.secrets.names(PREFIX):
        kind, _, origin = name.removeprefix(PREFIX).partition("/")
        source = Source(kind, origin, receivers.get(origin) if kind == "webhook" else None)
        values = world.secrets.get(name)
        until = parsed(values.get("previous_until"))
        overlaps = until is not None and until.timestamp() > world.clock.now()
        found.append(
            {
                "source": source.label,
                "kind": kind,
                "name": origin,
                "address": source.address(world.settings.console_url, HIDDEN),
                "since": values.get("since", ""),
                "old_until": values.get("previous_until", "") if overlaps else "",
                "jobs": _waiting(jobs, kind, origin),
                "last_event": _last(events, kind, origin),
            }
        )
    return found


def _buckets(world: "World") -> list[dict[str, Any]]:
    jobs, events = world.jobs.jobs(), world.events.recent(_RECENT)
    names = {one.name for job in jobs for gate in job.gates for one in gate.awaits if one.kind == S3}
    return [
        {
            "source": f"{S3}/{name}",
            "kind": S3,
            "name": name,
            "address": "EventBridge",
            "since": "",
            "old_until": "",
            "jobs": _waiting(jobs, S3, name),
            "last_event": _last(events, S3, name),
        }
        for name in sorted(names)
    ]


def _waiting(jobs: Iterable["Job"], kind: str, origin: str) -> list[str]:
    """Jobs that wait for this kind; of buckets and receivers only those that name it."""

    def is_meant(name: str) -> bool:
        return kind not in (S3, "webhook") or name.partition("/")[0] == origin

    return [
        job.name
        for job in jobs
        if any(one.kind == kind and is_meant(one.name) for gate in job.gates for one in gate.awaits)
    ]


def _last(events: Iterable[Mapping[str, Any]], kind: str, origin: str) -> dict[str, Any] | None:
    for event in events:
        detail = event.get("detail") or {}
        if (detail.get("provider"), detail.get("origin")) == (kind, origin):
            return {key: event.get(key, "") for key in ("event_id", "received_at", "outcome")}
    return None


def _secret_text(one: Mapping[str, Any], now: float) -> str:
    if one["kind"] == S3:
        return "none needed"
    since = parsed(one["since"])
    age = f"{max(0.0, now - since.timestamp()) / _DAY:.0f} days old" if since else "of unknown age"
    return f"{age}, the old one until {local_time(one['old_until'])}" if one["old_until"] else age
