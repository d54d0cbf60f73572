"""Whether a node is built or reused, and why: the outcome of the decision table in docs/reuse.md."""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    BUILD = "build"
    REUSE = "reuse"


class Reason(StrEnum):
    """Reason codes, in the order of the decision table: the first that holds decides."""

    SELECTED = "selected"  # the job does not reuse: what is selected is built
    FORCED = "forced"
    NO_STATE = "no_state"
    MISSING = "missing"
    UNHEALTHY = "unhealthy"
    VOLATILE = "volatile"
    CODE = "code"
    UNKNOWN_SOURCE = "unknown_source"
    NEW_DATA = "new_data"
    INSIDE_WINDOW = "inside_window"
    NO_NEW_DATA = "no_new_data"


@dataclass(frozen=True, slots=True)
class Decision:
    """One node's. fact: what is behind the reason, for a person ("macro cents_to_dollars changed, through to_eur").

    due_at: when a build that waits for its window becomes due (ISO 8601, UTC). status: dbt's word for a reused node in
    the results: a test that warned warns again.
    """

    action: Action = Action.BUILD
    reason: Reason = Reason.SELECTED
    fact: str = ""
    due_at: str | None = None
    status: str = "reused"

    @property
    def reuses(self) -> bool:
        return self.action is Action.REUSE

    @property
    def sentence(self) -> str:
        """Reason and fact, for a result's message: "no_new_data: …"."""
        return f"{self.reason.value}: {self.fact}" if self.fact else self.reason.value
