"""What is known of each source of a project, and which connectors feed none: what `headgate sources` shows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum

from headgate.domain.connected_sources import ConnectedSources, schema_of
from headgate.domain.index import Index, Node
from headgate.domain.source_versions import SourceVersion, label_of, source_versions
from headgate.domain.sync import Observation, Sync

# How a version begins that `dbt source freshness` gave (domain/source_versions.py).
_OBSERVED = "loaded@"
_WITHOUT_READING = frozenset({"test", "unit_test", "exposure"})


class SourceState(StrEnum):
    """Where the version of a source's data comes from."""

    FRESH = "fresh"  # its connector says when there is new data
    OBSERVED = "observed"  # what `dbt source freshness` saw; counts within the reader's `lag_tolerance`
    SILENT = "silent"  # its connector has said nothing for too long: what reads it is built
    UNKNOWN = "unknown"  # nothing is known: what reads it is built


@dataclass(frozen=True, slots=True)
class SourceLine:
    """One source. connectors: those that its `meta` names, else those that feed it.

    sync: the latest of them. age: seconds since that, or since it was observed; None: nothing is known. readers: how
    many nodes select from it directly.
    """

    unique_id: str
    schema: str
    connectors: tuple[str, ...]
    by_meta: bool
    sync: Sync | None
    age: float | None
    state: SourceState
    fact: str
    readers: int

    @property
    def name(self) -> str:
        """`raw.orders`."""
        return ".".join(self.unique_id.split(".")[2:])


@dataclass(frozen=True, slots=True)
class Unmapped:
    """A connector that feeds no source. nearest: the source schema that it may be meant for; empty: none is alike."""

    connector: str
    name: str
    sync: Sync | None
    nearest: str

    @property
    def label(self) -> str:
        """What a source's `meta` should call it."""
        return self.name or self.connector.partition("/")[2]


def list_sources(
    index: Index,
    *,
    syncs: Mapping[str, Sync],
    observations: Mapping[str, Observation],
    now: float,
    silent_after: float,
) -> list[SourceLine]:
    """Every enabled source, by name."""
    versions = source_versions(
        index, syncs=syncs, observations=observations, now=now, since=now, silent_after=silent_after
    )
    connected = ConnectedSources(index.nodes.values())
    feeding: dict[str, list[Sync]] = {}
    for sync in sorted(syncs.values(), key=lambda sync: sync.at, reverse=True):
        for unique_id in connected.of(sync):
            feeding.setdefault(unique_id, []).append(sync)
    readers = Counter(
        parent
        for node in index.nodes.values()
        if node.enabled and node.resource_type not in _WITHOUT_READING
        for parent in set(node.depends_on)
    )
    lines = [
        _line(
            node,
            feeding.get(node.unique_id, []),
            versions.get(node.unique_id),
            observations.get(node.unique_id),
            now,
            silent_after,
            readers,
        )
        for node in index.nodes.values()
        if node.resource_type == "source" and node.enabled
    ]
    return sorted(lines, key=lambda line: line.unique_id)


def _line(
    node: Node,
    feeding: list[Sync],
    found: SourceVersion | None,
    seen: Observation | None,
    now: float,
    silent_after: float,
    readers: Mapping[str, int],
) -> SourceLine:
    version = found.version if found else ""
    if version:
        state = SourceState.OBSERVED if version.startswith(_OBSERVED) else SourceState.FRESH
    else:
        limit = silent_after if node.code.silent_after is None else node.code.silent_after
        is_silent = any(now - sync.at > limit for sync in feeding)
        state = SourceState.SILENT if is_silent else SourceState.UNKNOWN
    at = seen.observed_at if state is SourceState.OBSERVED and seen else feeding[0].at if feeding else None
    return SourceLine(
        unique_id=node.unique_id,
        schema=node.schema or "",
        connectors=node.connectors or tuple(label_of(sync) for sync in feeding),
        by_meta=bool(node.connectors),
        sync=feeding[0] if feeding else None,
        age=None if at is None else max(0.0, now - at),
        state=state,
        fact=found.fact if found else "",
        readers=readers.get(node.unique_id, 0),
    )


def unmapped_connectors(index: Index, syncs: Mapping[str, Sync], heard_of: Iterable[str]) -> list[Unmapped]:
    """Connectors that feed no source. heard_of: more of them (`fivetran/<id>`), of which no sync is remembered."""
    schemas = sorted(
        {node.schema for node in index.nodes.values() if node.resource_type == "source" and node.schema}
    )
    connected = ConnectedSources(index.nodes.values())
    known = [sync for sync in syncs.values() if not connected.of(sync)]
    found = [
        Unmapped(sync.connector, sync.connector_name, sync, _nearest(sync.connector_name, schemas))
        for sync in known
    ]
    for connector in set(heard_of) - syncs.keys():
        provider, _, name = connector.partition("/")
        if not connected.of(Sync(provider, name, "", "", 0.0)):
            found.append(Unmapped(connector, "", None, _nearest(name, schemas)))
    return sorted(found, key=lambda one: one.connector)


def _nearest(name: str, schemas: Iterable[str]) -> str:
    by_fold = {schema.casefold(): schema for schema in schemas}
    near = get_close_matches(schema_of(name).casefold(), by_fold, n=1, cutoff=0.5)
    return by_fold[near[0]] if near else ""
