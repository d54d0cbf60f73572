"""GitHub's and GitLab's wire formats: what of them is a reason to start something, and what it is called."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headgate.adapters.webhooks.github import GitHubWebhook
from headgate.adapters.webhooks.gitlab import GitLabWebhook
from headgate.domain.events import SignalReceived
from headgate.domain.inbound import Delivery, InboundEvent
from headgate.errors import WebhookError
from tests.senders import NOW, SECRET, of, recorded

github, gitlab = GitHubWebhook(), GitLabWebhook()
GONE = "0" * 40


def changed(name: str, where: str = "", **changes: Any) -> InboundEvent:
    """What a recorded body means with these changes; where: of the object they are in."""
    sent = recorded(name).delivery
    found = json.loads(sent.body)
    (found[where] if where else found).update(changes)
    reader = github if name.startswith("github") else gitlab
    return reader.read(Delivery("default", sent.headers, json.dumps(found).encode()), NOW)


def signal(event: InboundEvent) -> SignalReceived:
    assert isinstance(event.event, SignalReceived)
    return event.event


@pytest.mark.parametrize("name", of("github"))
def test_githubs_recorded_signatures_are_accepted(name: str) -> None:
    assert github.is_authentic(recorded(name).delivery, SECRET, NOW)


def test_gitlabs_recorded_token_is_accepted() -> None:
    assert gitlab.is_authentic(recorded("gitlab_merge_request_open.json").delivery, SECRET, NOW)


def test_a_push() -> None:
    found = signal(changed("github_push.json"))
    assert (found.kind, found.names) == ("github", ("acme/analytics",))
    assert found.attributes == {
        "event": "push", "branch": "main", "sha": "9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e",
    }  # fmt: skip
    assert signal(changed("github_push.json", ref="refs/heads/a/b")).attributes["branch"] == "a/b"


@pytest.mark.parametrize("name", ["opened", "synchronize"])
def test_a_pull_request(name: str) -> None:
    found = signal(changed(f"github_pull_request_{name}.json"))
    assert found.attributes == {
        "event": "pull_request", "action": name, "branch": "main", "head": "feature/customers",
        "sha": "6f1c0b7f3a0e4b0f9d2c8f6d5a4b3c2d1e0f9a8b", "number": "42", "draft": "false",
    }  # fmt: skip


def test_a_merge() -> None:
    found = signal(changed("github_pull_request_closed_merged.json"))
    assert (found.attributes["event"], found.attributes["branch"]) == ("merge", "main")
    assert found.attributes["sha"] == "9f8e7d6c5b4a3f2e1d0c9b8a7f6e5d4c3b2a1f0e"


@pytest.mark.parametrize(
    ("name", "where", "changes", "told"),
    [
        ("github_push.json", "", {"ref": "refs/tags/v1"}, "not a branch"),
        ("github_push.json", "", {"after": GONE}, "the branch was deleted"),
        ("github_push.json", "", {"deleted": True}, "the branch was deleted"),
        ("github_pull_request_opened.json", "", {"action": "labeled"}, "nothing new to build"),
        ("github_pull_request_closed_merged.json", "pull_request", {"merged": False}, "nothing new to build"),
        ("gitlab_merge_request_open.json", "object_attributes", {"action": "close"}, "nothing new to build"),
        ("gitlab_merge_request_open.json", "object_attributes", {"action": "update"}, "nothing new to build"),
        ("gitlab_merge_request_open.json", "", {"object_kind": "tag_push"}, "tag_push: nothing waits"),
        ("gitlab_merge_request_open.json", "", {"object_kind": "note"}, "note: nothing waits"),
    ],
)
def test_what_is_no_reason_to_build_is_recorded(
    name: str, where: str, changes: dict[str, Any], told: str
) -> None:
    event = changed(name, where, **changes)
    assert (event.event, event.is_test, told in event.detail) == (None, False, True)


def test_a_ping_is_a_test() -> None:
    assert changed("github_ping.json").is_test


def test_a_replay_under_another_delivery_is_the_same_event() -> None:
    # GitHub signs the body alone; whoever has seen one could invent any number of deliveries.
    sent = recorded("github_push.json")
    replayed = sent.with_header("x-github-delivery", "another")
    assert github.read(sent.delivery, NOW).event_id == github.read(replayed.delivery, NOW).event_id


def test_a_body_cannot_be_passed_off_as_another_event() -> None:
    for name, event in (("github_push.json", "pull_request"), ("github_pull_request_opened.json", "push")):
        with pytest.raises(WebhookError):
            github.read(recorded(name).with_header("x-github-event", event).delivery, NOW)


def test_a_merge_request() -> None:
    found = signal(changed("gitlab_merge_request_open.json"))
    assert (found.kind, found.names) == ("gitlab", ("acme/analytics",))
    assert found.attributes == {
        "event": "pull_request", "action": "open", "branch": "main", "head": "feature/customers",
        "sha": "6f1c0b7f3a0e4b0f9d2c8f6d5a4b3c2d1e0f9a8b", "number": "42",
    }  # fmt: skip
    brought_commits = {"action": "update", "oldrev": "a" * 40}
    updated = changed("gitlab_merge_request_open.json", "object_attributes", **brought_commits)
    assert signal(updated).attributes["action"] == "update"
    merged = {"action": "merge", "merge_commit_sha": "b" * 40}
    found = signal(changed("gitlab_merge_request_open.json", "object_attributes", **merged))
    assert (found.attributes["event"], found.attributes["sha"]) == ("merge", "b" * 40)


@pytest.mark.parametrize("kind", ["merge_request", None])
def test_gitlab_is_answered_also_where_it_says_nothing(kind: str | None) -> None:
    """A hook that is refused four times is switched off."""
    request = {"iid": 1, "action": None, "source_branch": "a", "target_branch": "main"}
    body = {"object_kind": kind, "object_attributes": request, "project": {"path_with_namespace": "a/b"}}
    assert gitlab.read(Delivery("default", {}, json.dumps(body).encode()), NOW).event is None


def test_a_push_to_gitlab() -> None:
    project = {"path_with_namespace": "group/sub/repo"}
    body = {"object_kind": "push", "ref": "refs/heads/main", "after": "c" * 40, "project": project}
    event = gitlab.read(Delivery("default", {}, json.dumps(body).encode()), NOW)
    assert signal(event).names == ("group/sub/repo",)
    assert signal(event).attributes == {"event": "push", "branch": "main", "sha": "c" * 40}
    gone = json.dumps({**body, "after": GONE}).encode()
    assert gitlab.read(Delivery("default", {}, gone), NOW).event is None


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"idempotency-key": "k", "x-gitlab-event-uuid": "u"}, "gitlab/default/k"),
        ({"x-gitlab-event-uuid": "u"}, "gitlab/default/u"),
        ({"idempotency-key": "", "x-gitlab-event-uuid": "u"}, "gitlab/default/u"),
    ],
)
def test_gitlabs_own_key_tells_deliveries_apart(headers: dict[str, str], expected: str) -> None:
    assert gitlab.read(Delivery("default", headers, b'{"object_kind": "note"}'), NOW).event_id == expected


@pytest.mark.parametrize("key", ["", "\u00e4", "x" * 5_000, "a\nb"])
def test_keys_that_no_record_can_have_are_replaced(key: str) -> None:
    event_id = gitlab.read(Delivery("default", {"idempotency-key": key}, b"{}"), NOW).event_id
    assert (len(event_id) < 100, event_id.isascii(), event_id.isprintable()) == (True, True, True)
