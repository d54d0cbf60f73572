"""What is known of the data in sources: syncs of connectors, and what `dbt source freshness` saw."""

from collections.abc import Iterable
from dataclasses import dataclass

KEPT_SECONDS = 90 * 86_400


@dataclass(frozen=True, slots=True)
class Sync:
    """One successful sync of a connector. at: when it ended, by the provider's clock (epoch seconds).

    empty_at: when a later one ended that brought nothing; 0: none did.
    """

    provider: str
    connector_id: str
    connector_name: str
    sync_id: str
    at: float
    empty_at: float = 0.0

    @property
    def heard_at(self) -> float:
        """When the connector was last known to be at work."""
        return max(self.at, self.empty_at)

    @property
    def connector(self) -> str:
        """How its records are called: `fivetran/<id>`."""
        return f"{self.provider}/{self.connector_id}"


@dataclass(frozen=True, slots=True)
class Observation:
    """What `dbt source freshness` saw of one source. Both times are epoch seconds."""

    unique_id: str
    max_loaded_at: float
    observed_at: float


def each_once(syncs: Iterable[Sync]) -> list[Sync]:
    """Oldest first, without what was delivered twice with two times; the earlier one stays."""
    first: dict[tuple[str, str], Sync] = {}
    for sync in sorted(syncs, key=lambda sync: sync.at):
        first.setdefault((sync.connector, sync.sync_id), sync)
    return list(first.values())
