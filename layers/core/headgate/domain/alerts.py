"""Alerts: a failed node becomes one message that says what, whose, why and where to look.

A skipped node is never an alert of its own: it is counted in the alert of the node that failed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from headgate.domain.job import AlertRule

# A line may be a whole statement; records (400 kB), SNS (256 kB) and Slack refuse what is too long.
LONGEST_LINE = 1_000
# The status of an alert that is about no run's end: the job's runs failed so often that it is off now.
DEACTIVATED = "deactivated"


@dataclass(frozen=True, slots=True)
class Alert:
    """One failed node of one run, or the job itself (`job.<name>`) where no node is to blame.

    severity: `error` or `warn`. error: the first line of the database's or dbt's message. skipped: how many
    nodes were not built because of this run's failures downstream of it. url: the run's address.
    """

    run_id: int
    job: str
    environment: str
    node: str
    status: str
    severity: str
    error: str
    url: str
    owner: str = ""
    path: str = ""
    tags: tuple[str, ...] = ()
    skipped: int = 0

    @property
    def alert_id(self) -> str:
        """The same failure of the same run is one alert, however often it is delivered."""
        return sha256(f"{self.run_id}|{self.node}|{self.status}".encode()).hexdigest()[:32]

    def to_message(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__} | {"alert_id": self.alert_id}

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "Alert":
        fields = {name: message[name] for name in cls.__slots__ if name in message}
        return cls(**{**fields, "tags": tuple(fields.get("tags") or ())})


def first_line(message: str) -> str:
    """The line that says most: dbt puts `Database Error in model …` first and the reason on the next one.

    At most LONGEST_LINE characters.
    """
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    if len(lines) > 1 and " Error in " in lines[0]:
        return f"{lines[0]}: {lines[1]}"[:LONGEST_LINE]
    return lines[0][:LONGEST_LINE] if lines else ""


def matching(rules: Iterable[AlertRule], alert: Alert) -> list[AlertRule]:
    """The rules that this alert falls under, in the file's order; an empty match takes everything."""
    return [rule for rule in rules if _matches(rule, alert)]


def _matches(rule: AlertRule, alert: Alert) -> bool:
    wanted = rule.match
    if "tag" in wanted and wanted["tag"] not in alert.tags:
        return False
    return "severity" not in wanted or wanted["severity"] == alert.severity
