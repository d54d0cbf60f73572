"""GitLab's webhooks: https://docs.gitlab.com/user/project/integrations/webhook_events/

Nothing is signed: `X-Gitlab-Token` holds the secret itself. `Idempotency-Key` stays the same when a delivery is tried
again, `X-Gitlab-Event-UUID` is that of the event. A hook that is refused is switched off: what is authentic is taken.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from headgate.adapters.webhooks.git_host import GitHost
from headgate.adapters.webhooks.json_body import Line, json_object, parsed
from headgate.adapters.webhooks.signing import is_same
from headgate.domain.inbound import Delivery, InboundEvent, body_key, key_part, one_line

TOKEN_HEADER = "x-gitlab-token"  # noqa: S105 - a header's name
EVENT_HEADER = "x-gitlab-event"
KEY_HEADERS = ("idempotency-key", "x-gitlab-event-uuid")
# Of a merge request: there is something new to build. `update` is, if it brought commits.
ACTIONS = {"open", "reopen"}


class _Project(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    path_with_namespace: Line = Field(min_length=1)


class _Commit(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    id: Line = ""


class _MergeRequest(BaseModel):
    """oldrev: the commit before, where commits were added. action: missing in some notices."""

    model_config = ConfigDict(extra="ignore", strict=True)
    iid: int
    action: Line | None = ""
    source_branch: Line = Field(min_length=1)
    target_branch: Line = Field(min_length=1)
    oldrev: Line | None = None
    merge_commit_sha: Line | None = None
    last_commit: _Commit | None = None


class _Kind(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    object_kind: Line | None = ""


class _Push(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    ref: Line = Field(min_length=1)
    after: Line = Field(min_length=1)
    project: _Project


class _MergeRequestBody(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)
    object_attributes: _MergeRequest
    project: _Project


class GitLabWebhook:
    """Reads one message of GitLab's."""

    provider: Literal["gitlab"] = "gitlab"

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:  # noqa: ARG002 - no time is sent
        return is_same(delivery.headers.get(TOKEN_HEADER, ""), secret)

    def read(self, delivery: Delivery, now: float) -> InboundEvent:  # noqa: ARG002
        """What a verified body means. Raises WebhookError 400 with the field that is wrong, never its value."""
        found = json_object(delivery.body)
        given = next((delivery.headers[name] for name in KEY_HEADERS if delivery.headers.get(name)), "")
        key = key_part(given) if given else body_key(delivery.body)
        event_id = f"gitlab/{delivery.origin}/{key}"
        kind = parsed(_Kind, found).object_kind
        if kind == "push":
            push = parsed(_Push, found)
            host = GitHost(self.provider, delivery.origin, event_id, push.project.path_with_namespace)
            return host.push(push.ref, push.after)
        if kind == "merge_request":
            message = parsed(_MergeRequestBody, found)
            host = GitHost(self.provider, delivery.origin, event_id, message.project.path_with_namespace)
            return _merge_request(message, host)
        name = kind or one_line(delivery.headers.get(EVENT_HEADER, "")) or "no event"
        return InboundEvent(event_id, one_line(f"{name}: nothing waits for it"))


def _merge_request(message: _MergeRequestBody, host: GitHost) -> InboundEvent:
    request = message.object_attributes
    told = f"merge request {request.iid} of {host.repository}: {request.action or 'no action'}"
    is_merge = request.action == "merge"
    has_commits = request.action == "update" and bool(request.oldrev)
    if not is_merge and not has_commits and request.action not in ACTIONS:
        return InboundEvent(host.event_id, one_line(f"{told}, nothing new to build"))
    last = request.last_commit.id if request.last_commit else ""
    attributes = {
        "event": "merge" if is_merge else "pull_request",
        "action": request.action or "",
        "branch": request.target_branch,
        "head": request.source_branch,
        "sha": (is_merge and request.merge_commit_sha) or last,
        "number": str(request.iid),
    }
    return host.signal(attributes, told)
