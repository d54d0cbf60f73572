"""GitHub's webhooks: https://docs.github.com/en/webhooks/webhook-events-and-payloads

`X-Hub-Signature-256: sha256=` with the hex HMAC of the raw body. Only the body is signed: whoever has seen a delivery
could send it again under another `X-GitHub-Delivery`, so the body itself is the deduplication key (GitHub's own
redelivery sends the same bytes), and what the header `X-GitHub-Event` says must fit the body.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from headgate.adapters.webhooks.git_host import GitHost
from headgate.adapters.webhooks.json_body import Line, json_object, parsed
from headgate.adapters.webhooks.signing import hmac_hex, is_same
from headgate.domain.inbound import Delivery, InboundEvent, body_key, one_line

SIGNATURE_HEADER = "x-hub-signature-256"
EVENT_HEADER = "x-github-event"
# Of a pull request: there is something new to build.
ACTIONS = {"opened", "reopened", "synchronize", "ready_for_review"}


class _Repository(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    full_name: Line = Field(min_length=1)


class _Commit(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    ref: Line = Field(min_length=1)
    sha: Line = ""


class _PullRequest(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    merged: bool | None = False
    draft: bool | None = False
    merge_commit_sha: Line | None = None
    head: _Commit
    base: _Commit


class _Push(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    ref: Line = Field(min_length=1)
    after: Line = Field(min_length=1)
    deleted: bool = False
    repository: _Repository


class _PullRequestBody(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    action: Line = Field(min_length=1)
    number: int
    pull_request: _PullRequest
    repository: _Repository


def sign(body: bytes, secret: str) -> str:
    """The signature GitHub sends with this body."""
    return f"sha256={hmac_hex(secret, body)}"


class GitHubWebhook:
    """Reads one message of GitHub's."""

    provider: Literal["github"] = "github"

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:  # noqa: ARG002 - no time is signed
        return is_same(delivery.headers.get(SIGNATURE_HEADER, "").strip(), sign(delivery.body, secret))

    def read(self, delivery: Delivery, now: float) -> InboundEvent:  # noqa: ARG002
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        found = json_object(delivery.body)
        event = one_line(delivery.headers.get(EVENT_HEADER, ""))
        event_id = f"github/{delivery.origin}/{body_key(delivery.body)}"
        if event == "ping":
            return InboundEvent(event_id, "ping", is_test=True)
        if event == "push":
            push = parsed(_Push, found)
            host = GitHost(self.provider, delivery.origin, event_id, push.repository.full_name)
            return host.push(push.ref, push.after, deleted=push.deleted)
        if event == "pull_request":
            message = parsed(_PullRequestBody, found)
            host = GitHost(self.provider, delivery.origin, event_id, message.repository.full_name)
            return _pull_request(message, host)
        return InboundEvent(event_id, one_line(f"{event or 'no event'}: nothing waits for it"))


def _pull_request(message: _PullRequestBody, host: GitHost) -> InboundEvent:
    request = message.pull_request
    told = f"pull request {message.number} of {host.repository} {message.action}"
    is_merge = message.action == "closed" and bool(request.merged)
    if not is_merge and message.action not in ACTIONS:
        return InboundEvent(host.event_id, one_line(f"{told}: nothing new to build"))
    attributes = {
        "event": "merge" if is_merge else "pull_request",
        "action": message.action,
        "branch": request.base.ref,
        "head": request.head.ref,
        "sha": (is_merge and request.merge_commit_sha) or request.head.sha,
        "number": str(message.number),
        "draft": "true" if request.draft else "false",
    }
    if is_merge:
        told = f"pull request {message.number} of {host.repository} merged into {request.base.ref}"
    return host.signal(attributes, told)
