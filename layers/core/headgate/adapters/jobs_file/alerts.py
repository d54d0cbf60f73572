"""`alerts:`: who is told of what."""

from typing import Any, Literal

from pydantic import Field

from headgate.adapters.jobs_file.entry import Entry
from headgate.adapters.jobs_file.values import Channel, Text
from headgate.domain.job import AlertRule


class MatchEntry(Entry):
    """`match:` of an alert rule; what is left out matches everything."""

    tag: Text | None = Field(None, description="Only nodes with this tag.", examples=["finance"])
    severity: Literal["error", "warn"] | None = Field(
        None, description="Only failures of this severity.", examples=["error"]
    )


class SendEntry(Entry):
    """One receiver of an alert rule."""

    slack: Channel = Field(description="A channel of Slack, in quotes.", examples=['"#finance-data"'])


class AlertEntry(Entry):
    """One entry of `alerts:`."""

    match: MatchEntry = Field(
        MatchEntry(),
        description="Of what; without it of everything.",
        examples=["{tag: finance, severity: error}"],
    )
    send: list[SendEntry] = Field(
        min_length=1, description="Where to.", examples=['[{slack: "#finance-data"}]']
    )


def alert_rule(entry: AlertEntry) -> AlertRule:
    match: dict[str, Any] = entry.match.model_dump(exclude_none=True)
    return AlertRule(match=match, send=tuple(("slack", found.slack) for found in entry.send))
