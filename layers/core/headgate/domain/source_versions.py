"""Versions of the data in sources, from what connectors and `dbt source freshness` said."""

from collections.abc import Mapping
from dataclasses import dataclass

from headgate.domain.index import Index
from headgate.domain.sync import Observation, Sync


@dataclass(frozen=True, slots=True)
class SourceVersion:
    """What is known of one source. version: another text means other data; empty: nothing is known.

    fact: for a person, "stripe synced at 06:02, sync b470". age: seconds since it was looked at, where nobody reports
    a change by itself; 0 where it is known as of now.
    """

    version: str
    fact: str
    age: float = 0.0


def source_versions(
    index: Index,
    *,
    syncs: Mapping[str, Sync],
    observations: Mapping[str, Observation],
    now: float,
    since: float,
    silent_after: float,
) -> Mapping[str, SourceVersion]:
    """Of every source. since: when this run began (epoch seconds); what was observed later is as of now."""
    return {}


def fed_by(index: Index, sync: Sync) -> frozenset[str]:
    """The sources that this sync's connector lands."""
    return frozenset()
