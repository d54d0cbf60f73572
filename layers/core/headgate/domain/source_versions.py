"""Versions of the data in sources, from what connectors and `dbt source freshness` said."""

from collections.abc import Mapping
from dataclasses import dataclass

from headgate.domain.connected_sources import ConnectedSources
from headgate.domain.index import Index, Node
from headgate.domain.instant import iso
from headgate.domain.sync import Observation, Sync
from headgate.domain.upstreams import clock_time


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
    connected = ConnectedSources(index.nodes.values())
    feeding: dict[str, list[Sync]] = {}
    for sync in syncs.values():
        for unique_id in connected.of(sync):
            feeding.setdefault(unique_id, []).append(sync)
    return {
        node.unique_id: _version(
            node, feeding.get(node.unique_id, []), observations.get(node.unique_id), now, since, silent_after
        )
        for node in index.nodes.values()
        if node.resource_type == "source"
    }


def _version(
    node: Node,
    feeding: list[Sync],
    seen: Observation | None,
    now: float,
    since: float,
    silent_after: float,
) -> SourceVersion:
    limit = silent_after if node.code.silent_after is None else node.code.silent_after
    silent = [sync for sync in feeding if now - sync.heard_at > limit]
    if feeding and not silent and not _unheard(node, feeding):
        return _by_syncs(feeding, now)
    if seen is not None and seen.observed_at <= now + _AHEAD:
        age = 0.0 if seen.observed_at >= since else max(0.0, now - seen.observed_at)
        fact = f"its newest row is of {clock_time(seen.max_loaded_at, now)}"
        if age:
            fact += f", as seen at {clock_time(seen.observed_at, now)}"
        return SourceVersion(f"loaded@{iso(seen.max_loaded_at)}", f"{_name(node)}: {fact}", age)
    if silent:
        quiet = max(silent, key=lambda sync: now - sync.heard_at)
        return SourceVersion("", f"{label_of(quiet)} has not synced since {clock_time(quiet.heard_at, now)}")
    missing = _unheard(node, feeding)
    if missing:
        return SourceVersion("", f"no sync of {missing[0]} was ever heard of")
    return SourceVersion("", f"nothing is known of the data in source {_name(node)}")


# Clocks of two machines differ by so much; an observation of the future is one of a clock that was set back.
_AHEAD = 300.0


def _by_syncs(feeding: list[Sync], now: float) -> SourceVersion:
    last = max(feeding, key=lambda sync: sync.at)
    version = ",".join(sorted(f"{sync.connector}@{sync.sync_id}" for sync in feeding))
    return SourceVersion(
        version, f"{label_of(last)} synced at {clock_time(last.at, now)}, sync {last.sync_id}"
    )


def _unheard(node: Node, feeding: list[Sync]) -> list[str]:
    """Connectors that the source names and of which there is no sync."""
    heard = {
        name.casefold()
        for sync in feeding
        for name in (sync.connector_name, sync.connector_id, sync.connector)
    }
    return [name for name in node.connectors if name.casefold() not in heard]


def label_of(sync: Sync) -> str:
    """What a person calls its connector."""
    return sync.connector_name or sync.connector_id


def _name(node: Node) -> str:
    return f"{node.source_name}.{node.name}" if node.source_name else node.name
