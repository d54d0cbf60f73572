"""Webhooks as their senders send them: the recorded ones, and new ones, correctly signed by hand."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate.domain.inbound import Delivery
from headgate.domain.job import JobsFile
from headgate.domain.receiver import Receiver

FIXTURES = Path(__file__).parent / "fixtures" / "webhooks"
RECORDED = json.loads((FIXTURES / "SIGNATURES.json").read_text())
SECRET: str = RECORDED["secret"]
NOW = 1_795_372_267.0  # 2026-11-22T18:31:07Z, the moment of the recorded bodies

PLAIN = Receiver("plain")
HEADER = Receiver("hightouch", auth="header", header="X-Api-Key", id="$.id", subject="$.model", status="$.status",
                  success=("success",))  # fmt: skip
HMAC = Receiver("erp", auth="hmac", header="X-Signature", algorithm="sha512", encoding="base64", prefix="v1=",
                timestamp_header="X-Timestamp", signed="{timestamp}.{body}", id="$.id")  # fmt: skip
STANDARD = Receiver("std", auth="standard")
RECEIVERS = (PLAIN, HEADER, HMAC, STANDARD)
FILE = JobsFile((), (), (), receivers=RECEIVERS)


@dataclass(frozen=True)
class Sent:
    """A request: where to, and what."""

    provider: str
    delivery: Delivery

    def changed(self, **changes: Any) -> Sent:
        return replace(self, delivery=replace(self.delivery, **changes))

    def with_header(self, name: str, value: str) -> Sent:
        return self.changed(headers={**self.delivery.headers, name: value})

    def event(self, *, encoded: bool = False) -> dict[str, Any]:
        """As API Gateway gives it to the function."""
        sent = self.delivery
        token = {"token": sent.token} if sent.token else {}
        return {
            "version": "2.0",
            "rawPath": f"/webhooks/{self.provider}/{sent.origin}" + (f"/{sent.token}" if sent.token else ""),
            "headers": dict(sent.headers),
            "pathParameters": {"provider": self.provider, "source": sent.origin, **token},
            "body": base64.b64encode(sent.body).decode() if encoded else sent.body.decode(),
            "isBase64Encoded": encoded,
        }


def recorded_body(name: str) -> bytes:
    return (FIXTURES / name).read_bytes()


def recorded(name: str) -> Sent:
    """One of the recorded deliveries."""
    provider = "dbt_cloud" if name.startswith("dbt_") else name.partition("_")[0]
    headers = {key.lower(): value for key, value in RECORDED["files"][name]["headers"].items()}
    token = SECRET if provider == "airbyte" else ""
    return Sent(provider, Delivery("default", headers, recorded_body(name), token))


def of(names: str) -> list[str]:
    """The recorded bodies whose names begin so."""
    return sorted(name for name in RECORDED["files"] if name.startswith(names))


def _hex(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def signed(
    provider: str, body: bytes, secret: str = SECRET, *, now: float = NOW, origin: str = "default"
) -> Sent:
    """This body from this sender; generic receivers by `webhook/<name>`."""
    provider, _, name = provider.partition("/")
    origin, at, token = name or origin, str(int(now)), ""
    headers: Mapping[str, str] = {}
    if provider == "airbyte" or name == "plain":
        token = secret
    elif provider == "fivetran":
        headers = {"x-fivetran-signature-256": _hex(body, secret)}
    elif provider == "github":
        headers = {"x-hub-signature-256": "sha256=" + _hex(body, secret), "x-github-event": "push"}
    elif provider == "gitlab":
        headers = {"x-gitlab-token": secret, "x-gitlab-event": "Push Hook"}
    elif provider == "dbt_cloud":
        headers = {"authorization": _hex(body, secret)}
    elif name == "hightouch":
        headers = {"x-api-key": secret}
    elif name == "erp":
        digest = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha512).digest()
        headers = {"x-signature": "v1=" + base64.b64encode(digest).decode(), "x-timestamp": at}
    elif name == "std":
        digest = hmac.new(secret.encode(), f"msg_1.{at}.".encode() + body, hashlib.sha256).digest()
        given = "v1," + base64.b64encode(digest).decode()
        headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": given}
    else:
        raise LookupError(provider)
    return Sent(provider, Delivery(origin, headers, body, token))


SENDERS = (
    "fivetran", "airbyte", "github", "gitlab", "dbt_cloud",
    "webhook/plain", "webhook/hightouch", "webhook/erp", "webhook/std",
)  # fmt: skip


def stored_secret(sender: str, secret: str = SECRET) -> str:
    """As it lies in Secrets Manager: Standard Webhooks write it in base64."""
    return f"whsec_{base64.b64encode(secret.encode()).decode()}" if sender == "webhook/std" else secret


def secret_of(sender: str) -> str:
    """The name of this sender's secret."""
    return f"webhooks/{sender}" if "/" in sender else f"webhooks/{sender}/default"


def started(sender: str, number: int = 1, now: float = NOW) -> bytes:
    """A body of this sender's that starts something, another one for each number."""
    at = datetime.fromtimestamp(now, UTC).isoformat()
    bodies: dict[str, dict[str, Any]] = {
        "fivetran": {"event": "sync_end", "created": at, "connector_id": "stripe", "sync_id": f"s{number}",
                     "data": {"status": "SUCCESSFUL"}},
        "airbyte": {"data": {"connection": {"id": "c1", "name": "hubspot"}, "jobId": number, "success": True,
                             "finishedAt": at, "recordsCommitted": 5}},
        "github": {"ref": "refs/heads/main", "after": f"{number:040x}", "repository": {"full_name": "org/repo"}},
        "gitlab": {"object_kind": "push", "ref": "refs/heads/main", "after": f"{number:040x}",
                   "project": {"path_with_namespace": "org/repo"}},
        "dbt_cloud": {"eventId": f"wev_{number}", "eventType": "job.run.completed", "timestamp": at,
                      "data": {"jobId": "123", "jobName": "Nightly", "runId": str(number), "runStatusCode": 10}},
    }  # fmt: skip
    generic = {"id": f"r{number}", "model": "orders", "status": "success"}
    return json.dumps(bodies.get(sender, generic)).encode()
