"""What is known of a job beside its definition: whether somebody stopped it, and how it fares."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Activity:
    """paused: who paused it and why; empty: nobody. failures: runs that ended as error since the last success.

    deactivated_at: since when it is off for its failures (ISO 8601); None: it is not. last_due: the latest time of its
    schedules that was acted upon, or passed over (epoch seconds); 0: none yet.
    """

    paused: str = ""
    failures: int = 0
    deactivated_at: str | None = None
    last_due: float = 0.0

    @property
    def is_off(self) -> bool:
        """Nothing but a person starts a run of it."""
        return self.paused != "" or self.deactivated_at is not None
