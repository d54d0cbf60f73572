"""sources.json, dbt's artifact of `dbt source freshness`: when each source was loaded, as far as dbt could see."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from headgate.domain.sync import Observation

SOURCE_FRESHNESS, SOURCES = "source freshness", "sources.json"


def loaded_at(artifact: Mapping[str, Any]) -> dict[str, str]:
    """Source -> `max_loaded_at` as dbt wrote it, of all that could be asked."""
    return {str(entry["unique_id"]): str(entry["max_loaded_at"]) for entry in _asked(artifact)}


def observed(artifact: Mapping[str, Any]) -> list[Observation]:
    """The same as records, with the moment at which each was seen."""
    return [
        Observation(str(entry["unique_id"]), _epoch(entry["max_loaded_at"]), _epoch(entry["snapshotted_at"]))
        for entry in _asked(artifact)
    ]


def _asked(artifact: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    # A source whose query failed has an error in place of times; what a table without rows has is year 1.
    found: Iterable[Mapping[str, Any]] = artifact.get("results", ())
    return (entry for entry in found if entry.get("max_loaded_at") and entry.get("snapshotted_at"))


def _epoch(instant: str) -> float:
    moment = datetime.fromisoformat(instant)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
