"""What `state:`, `result:` and `source_status:` compare with: the artifacts of an earlier run."""

from collections.abc import Mapping
from dataclasses import dataclass

from headgate.domain.index import Index


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier run's manifest, results and source freshness; None where there is none.

    index: of its manifest. statuses: unique_id -> dbt's status in its run_results.json. sources: unique_id ->
    `max_loaded_at` (an ISO 8601 text) of its sources.json, without the sources that could not be asked.
    sources_now: the same of the newest `dbt source freshness`.
    """

    index: Index | None = None
    statuses: Mapping[str, str] | None = None
    sources: Mapping[str, str] | None = None
    sources_now: Mapping[str, str] | None = None
