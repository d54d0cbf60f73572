"""What each sender sends, worded as it words it and signed as it signs it."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate_cli.trigger.source import Source

if TYPE_CHECKING:
    from headgate.domain.receiver import Receiver

_NO_COMMIT = "0" * 40


@dataclass(frozen=True, slots=True)
class Wish:
    """What a sample should say; empty: something that starts a job.

    item: what it is about, in the sender's words (connector, repository, job, subject). number: of this one sync or
    run, to send it again.
    """

    item: str = ""
    status: str = ""
    event: str = ""
    branch: str = "main"
    number: str = ""
    body: str = ""


@dataclass(frozen=True, slots=True)
class Sample:
    """A request. about: what it says, for whoever sent it."""

    body: bytes
    headers: Mapping[str, str]
    about: Mapping[str, str]


def sample_of(source: Source, wish: Wish, secret: str, now: float) -> Sample:
    """Raises InputError for a wish that this sender cannot fulfil."""
    if source.receiver is not None:
        return _generic(source.receiver, wish, secret, now)
    return _SENDERS[source.kind](wish, secret, now)


def _bytes(message: Mapping[str, Any], wish: Wish) -> bytes:
    return wish.body.encode() if wish.body else json.dumps(message).encode()


def _at(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(wish: Wish, option: str) -> str:
    from headgate.errors import InputError

    if not wish.item and not wish.body:
        raise InputError(f"which one? {option} NAME")
    return wish.item


def _fivetran(wish: Wish, secret: str, now: float) -> Sample:
    """https://fivetran.com/docs/rest-api/webhooks"""
    from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, SUCCESSFUL, sign

    connector, sync = _named(wish, "--connector"), wish.number or str(uuid.uuid4())
    message = {
        "event": wish.event or "sync_end",
        "created": _at(now),
        "connector_type": "sample",
        "connector_id": connector,
        "connector_name": connector,
        "sync_id": sync,
        "destination_group_id": "headgate_trigger",
        "data": {"status": wish.status or SUCCESSFUL},
    }
    body = _bytes(message, wish)
    return Sample(body, {SIGNATURE_HEADER: sign(body, secret)}, {"connector": connector, "sync_id": sync})


def _airbyte(wish: Wish, _secret: str, now: float) -> Sample:
    """https://docs.airbyte.com/platform/operator-guides/configuring-notifications; the address is the secret."""
    from headgate.errors import InputError

    connection = _named(wish, "--connector")
    number = wish.number or str(int(now * 1_000))
    if not number.isdecimal():
        raise InputError(f"Airbyte counts its syncs: --sync-id is a number, not {number!r}")
    data = {
        "connection": {"id": connection, "name": connection},
        "jobId": int(number),
        "finishedAt": _at(now),
        "recordsCommitted": 1,
        "success": wish.status in ("", "success", "succeeded"),
    }
    return Sample(
        _bytes({"text": "sample", "data": data}, wish), {}, {"connector": connection, "sync_id": number}
    )


def _git(wish: Wish) -> tuple[str, str, str]:
    """(repository, event, commit)"""
    from headgate.errors import InputError

    event = wish.event or "push"
    if event not in ("push", "pull_request", "merge", "ping"):
        raise InputError(f"--event is push, pull_request, merge or ping, not {event!r}")
    return _named(wish, "--repository"), event, wish.number or (uuid.uuid4().hex + _NO_COMMIT)[:40]


def _github(wish: Wish, secret: str, _now: float) -> Sample:
    """https://docs.github.com/en/webhooks/webhook-events-and-payloads"""
    from headgate.adapters.webhooks.github import EVENT_HEADER, SIGNATURE_HEADER, sign

    repository, event, commit = _git(wish)
    message: dict[str, Any] = {"repository": {"full_name": repository}}
    if event == "push":
        message |= {"ref": f"refs/heads/{wish.branch}", "before": _NO_COMMIT, "after": commit}
    elif event != "ping":
        is_merge = event == "merge"
        message |= {
            "action": "closed" if is_merge else "opened",
            "number": 1,
            "pull_request": {
                "merged": is_merge,
                "merge_commit_sha": commit,
                "head": {"ref": "sample", "sha": commit},
                "base": {"ref": wish.branch},
            },
        }
    body = _bytes(message, wish)
    headers = {
        SIGNATURE_HEADER: sign(body, secret),
        EVENT_HEADER: "pull_request" if event == "merge" else event,
        "x-github-delivery": str(uuid.uuid4()),
    }
    return Sample(body, headers, {"repository": repository, "event": event, "sha": commit})


def _gitlab(wish: Wish, secret: str, _now: float) -> Sample:
    """https://docs.gitlab.com/user/project/integrations/webhook_events/"""
    from headgate.adapters.webhooks.gitlab import EVENT_HEADER, TOKEN_HEADER

    repository, event, commit = _git(wish)
    message: dict[str, Any] = {"project": {"path_with_namespace": repository}}
    if event == "push":
        message |= {"object_kind": "push", "ref": f"refs/heads/{wish.branch}", "after": commit}
    else:
        request = {
            "iid": 1,
            "action": "merge" if event == "merge" else "open",
            "source_branch": "sample",
            "target_branch": wish.branch,
            "merge_commit_sha": commit,
            "last_commit": {"id": commit},
        }
        message |= {"object_kind": "merge_request", "object_attributes": request}
    headers = {
        TOKEN_HEADER: secret,
        EVENT_HEADER: "Push Hook" if event == "push" else "Merge Request Hook",
        "idempotency-key": str(uuid.uuid4()),
    }
    return Sample(_bytes(message, wish), headers, {"repository": repository, "event": event, "sha": commit})


def _dbt_cloud(wish: Wish, secret: str, now: float) -> Sample:
    """https://docs.getdbt.com/docs/deploy/webhooks"""
    from headgate.adapters.webhooks.dbt_cloud import COMPLETED, SIGNATURE_HEADER, STATUSES, sign
    from headgate.errors import InputError

    job, run = _named(wish, "--job"), wish.number or str(int(now * 1_000))
    codes = {status: code for code, status in STATUSES.items()}
    status = wish.status or "success"
    if status not in codes:
        raise InputError(f"--status is {', '.join(codes)}, not {status!r}")
    message = {
        "accountId": 1,
        "eventId": f"wev_{run}",
        "timestamp": _at(now),
        "eventType": wish.event or COMPLETED,
        "data": {"jobId": job, "jobName": job, "runId": run, "runStatusCode": codes[status]},
    }
    body = _bytes(message, wish)
    return Sample(body, {SIGNATURE_HEADER: sign(body, secret)}, {"job": job, "run": run, "status": status})


def _generic(receiver: "Receiver", wish: Wish, secret: str, now: float) -> Sample:
    """A body in which the receiver finds what is wished for, proved as it wants it proved."""
    from headgate.adapters.webhooks import generic, standard

    number, at = wish.number or str(uuid.uuid4()), str(int(now))
    status = wish.status or next(iter(receiver.success), "success")
    body = _bytes(_with_values(receiver, number, wish.item, status), wish)
    headers: dict[str, str] = {}
    if receiver.auth == "header":
        headers = {receiver.header: secret}
    elif receiver.auth == "hmac":
        headers = {receiver.header: generic.sign(receiver, at, body, secret)}
        if receiver.timestamp_header:
            headers[receiver.timestamp_header] = at
    elif receiver.auth == "standard":
        headers = {
            standard.ID_HEADER: number,
            standard.TIMESTAMP_HEADER: at,
            standard.SIGNATURE_HEADER: standard.sign(number, at, body, secret),
        }
    return Sample(body, headers, {"receiver": receiver.name, "id": number, "subject": wish.item})


def _with_values(receiver: "Receiver", number: str, subject: str, status: str) -> dict[str, Any]:
    from jsonpath_ng.parser import parse

    found: dict[str, Any] = {"sample": number}
    for path, value in (
        (receiver.id, number), (receiver.subject, subject or "sample"), (receiver.status, status),
    ):  # fmt: skip
        if path:
            parse(path).update_or_create(found, value)
    return found


_SENDERS: dict[str, Callable[[Wish, str, float], Sample]] = {
    "fivetran": _fivetran,
    "airbyte": _airbyte,
    "github": _github,
    "gitlab": _gitlab,
    "dbt_cloud": _dbt_cloud,
}
