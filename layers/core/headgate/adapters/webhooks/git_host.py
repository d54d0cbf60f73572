"""What GitHub and GitLab have in common once a message of theirs is read: pushes, and how they become signals."""

from collections.abc import Mapping
from dataclasses import dataclass

from headgate.domain.events import SignalReceived
from headgate.domain.inbound import InboundEvent, one_line

BRANCH = "refs/heads/"


@dataclass(frozen=True, slots=True)
class GitHost:
    """One message of one host. kind: `github` or `gitlab`; repository: `org/name`."""

    kind: str
    origin: str
    event_id: str
    repository: str

    def push(self, ref: str, after: str, *, deleted: bool = False) -> InboundEvent:
        """after: the commit that `ref` points at now; of nothing but zeros when it is gone."""
        told = f"push to {ref} of {self.repository}"
        if not ref.startswith(BRANCH):
            return InboundEvent(self.event_id, one_line(f"{told}: not a branch"))
        if deleted or not after.strip("0"):
            return InboundEvent(self.event_id, one_line(f"{told}: the branch was deleted"))
        return self.signal({"event": "push", "branch": ref.removeprefix(BRANCH), "sha": after}, told)

    def signal(self, attributes: Mapping[str, str], told: str) -> InboundEvent:
        detail = one_line(told)
        signal = SignalReceived(
            event_id=self.event_id,
            kind=self.kind,
            origin=self.origin,
            names=(self.repository,),
            attributes=dict(attributes),
            detail=detail,
        )
        return InboundEvent(self.event_id, detail, signal)
