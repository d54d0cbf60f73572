"""Slack incoming webhooks: an alert becomes one message with text and blocks.

The address of a channel is a secret (whoever has it may post), so jobs files name the channel and the stack's
secret `<prefix>/slack` maps it to the address. Slack answers 200 `ok`; 429 and 5xx may be tried again.
"""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3

from headgate.domain.alerts import DEACTIVATED, Alert
from headgate.errors import InputError, UnavailableError
from headgate.ports import Secrets

SECRET = "slack"  # noqa: S105 - the secret's name
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
HEADER_LIMIT, SECTION_LIMIT, FIELD_LIMIT = 150, 3000, 2000
# Inside a message it would end our block, and what follows it would be formatted.
FENCE = "`" * 3


class SlackNotifier:
    """Posts alerts to incoming webhooks."""

    def __init__(self, secrets: Secrets, http: urllib3.PoolManager | None = None) -> None:
        self._secrets = secrets
        self._http = http or urllib3.PoolManager(timeout=urllib3.Timeout(10.0), retries=False)

    def send(self, alert: Alert, address: str) -> None:
        url = self._webhook(address)
        body = json.dumps(message(alert)).encode()
        try:
            answer = self._http.request(
                "POST", url, body=body, headers={"content-type": "application/json"}, redirect=False
            )
        except urllib3.exceptions.HTTPError as fault:
            raise UnavailableError(
                f"Slack channel {address} did not answer: {type(fault).__name__}"
            ) from fault
        if answer.status == 429 or answer.status >= 500:
            raise UnavailableError(f"Slack channel {address} answered {answer.status}")
        if answer.status >= 300:
            raise InputError(
                f"Slack refused the message for {address} with {answer.status}: is its webhook gone?"
            )

    def _webhook(self, channel: str) -> str:
        addresses = self._secrets.get(SECRET)
        if channel not in addresses:
            known = ", ".join(sorted(addresses)) or "none"
            raise InputError(f"the secret '{SECRET}' has no webhook address for {channel}; it knows: {known}")
        url = addresses[channel]
        parts = urlsplit(url)
        if parts.scheme != "https" and parts.hostname not in LOOPBACK:
            raise InputError(f"the webhook address of {channel} must begin with https://")
        return url


def message(alert: Alert) -> dict[str, Any]:
    """The body of an incoming webhook: https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"""
    what = "warns" if alert.severity == "warn" else "failed"
    title = f"{alert.node} {what} in job {alert.job}"
    if alert.status == DEACTIVATED:
        title = f"job {alert.job} was switched off"
    facts = [f"*Run*\n<{alert.url}|{alert.run_id}>", f"*Environment*\n{_plain(alert.environment)}"]
    if alert.owner:
        facts.append(f"*Owner*\n{_plain(alert.owner)}")
    if alert.skipped:
        facts.append(f"*Not built because of it*\n{alert.skipped} nodes")
    error = _plain(alert.error).replace(FENCE, "'" * 3)[: SECTION_LIMIT - 2 * len(FENCE)]
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title[:HEADER_LIMIT]}},
        {"type": "section", "fields": [{"type": "mrkdwn", "text": fact[:FIELD_LIMIT]} for fact in facts]},
        {
            "type": "section",
            "text": {"type": "mrkdwn", "text": f"{FENCE}{error}{FENCE}"},
        },
    ]
    if alert.path:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": _plain(alert.path)}]})
    blocks.append(
        {
            "type": "actions",
            "elements": [
                {"type": "button", "text": {"type": "plain_text", "text": "Open run"}, "url": alert.url}
            ],
        }
    )
    return {"text": _plain(f"{title}: {alert.error}")[:SECTION_LIMIT], "blocks": blocks}


def _plain(text: str) -> str:
    # Slack's own escaping rule; without it a model's error could place links or mention a channel.
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
