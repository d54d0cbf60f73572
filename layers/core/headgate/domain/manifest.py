"""Reading manifest.json into an Index, once, at publish. What a node is, is dbt-core 1.11's own rule."""

import re
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

import msgspec

from headgate.domain.index import OTHER_SECTIONS, Index, Node
from headgate.domain.wishes import Wishes
from headgate.errors import InputError, ManifestError

# dbt 1.6 writes v10, 1.7 writes v11, 1.8 to 1.12 write v12.
SUPPORTED_SCHEMAS = (10, 11, 12)
# Nobody selects by a config value longer than this; descriptions kept in `meta` would double the index.
_LONGEST_CONFIG_TEXT = 256
# A JSON text of white space only, still encoded, so that the SQL of thousands of models is never decoded.
_BLANK = re.compile(rb'(?:"(?:\\[nrtf]|\s)*"|null)?')


class _DependsOn(msgspec.Struct):
    nodes: tuple[str, ...] = ()


class _TestMetadata(msgspec.Struct):
    name: str = ""


class _Entry(msgspec.Struct):
    """One object of the manifest, of any section: the union of the fields that are read."""

    unique_id: str
    name: str
    resource_type: str
    package_name: str = ""
    fqn: tuple[str, ...] = ()
    original_file_path: str = ""
    patch_path: str | None = None
    tags: tuple[str, ...] | str | None = None
    group: str | None = None
    access: str | None = None
    schema: str | None = None
    database: str | None = None
    alias: str | None = None
    identifier: str | None = None
    relation_name: str | None = None
    depends_on: _DependsOn | None = None
    checksum: Any = None
    version: str | int | float | None = None
    latest_version: str | int | float | None = None
    source_name: str | None = None
    test_metadata: _TestMetadata | None = None
    attached_node: str | None = None
    raw_code: msgspec.Raw = msgspec.Raw()
    owner: Any = None
    meta: dict[str, Any] | None = None
    source_meta: dict[str, Any] | None = None
    config: dict[str, Any] = {}


class _Group(msgspec.Struct):
    name: str
    owner: Any = None


class _Metadata(msgspec.Struct):
    dbt_schema_version: str = ""
    dbt_version: str = ""
    project_name: str | None = None
    adapter_type: str | None = None


class _Head(msgspec.Struct):
    metadata: _Metadata


class _Manifest(msgspec.Struct):
    """The manifest's sections. Newer ones are missing from older manifests."""

    metadata: _Metadata
    nodes: dict[str, _Entry]
    sources: dict[str, _Entry] = {}
    exposures: dict[str, _Entry] = {}
    metrics: dict[str, _Entry] = {}
    semantic_models: dict[str, _Entry] = {}
    saved_queries: dict[str, _Entry] = {}
    unit_tests: dict[str, _Entry] = {}
    functions: dict[str, _Entry] = {}
    groups: dict[str, _Group] = {}
    selectors: dict[str, Any] = {}

    def entries(self) -> Iterator[tuple[str, _Entry]]:
        yield from self.nodes.items()
        yield from self.sources.items()
        yield from self.exposures.items()
        yield from self.metrics.items()
        yield from self.semantic_models.items()
        yield from self.saved_queries.items()
        yield from self.unit_tests.items()
        yield from self.functions.items()


def read_manifest(body: bytes, found_at: str = "manifest.json") -> Index:
    """The index of a manifest.json of schema v10 to v12.

    Raises ManifestError, naming `found_at`: an unknown schema version, a wrong shape, an id that occurs
    twice, a dependency on something that does not exist, a cycle.
    """
    try:
        # The version first: what another version looks like inside is of no interest.
        _check_version(msgspec.json.decode(body, type=_Head).metadata, found_at)
        manifest = msgspec.json.decode(body, type=_Manifest)
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise ManifestError(f"{found_at} is not a dbt manifest: {fault}") from fault
    groups = {group.name: _person(group.owner) for group in manifest.groups.values()}
    entries = _by_id(manifest.entries(), found_at)
    owners = _Owners(entries, groups)
    index = Index(
        dbt_version=manifest.metadata.dbt_version,
        schema_version=manifest.metadata.dbt_schema_version,
        project_name=manifest.metadata.project_name or "",
        adapter_type=manifest.metadata.adapter_type or "",
        nodes={
            unique_id: _node(entry, owners.of(entry), _wishes(entry, found_at))
            for unique_id, entry in entries.items()
        },
        groups=groups,
        default_selector=_default_selector(manifest.selectors),
    )
    _check_dependencies(index, found_at)
    return index


def _check_version(metadata: _Metadata, found_at: str) -> None:
    version = re.search(r"/manifest/v(\d+)\.json$", metadata.dbt_schema_version)
    if version and int(version[1]) in SUPPORTED_SCHEMAS:
        return
    written = f"v{version[1]}" if version else repr(metadata.dbt_schema_version)
    raise ManifestError(
        f"{found_at} has manifest schema {written} (dbt {metadata.dbt_version or 'unknown'}); "
        f"supported: {', '.join(f'v{number}' for number in SUPPORTED_SCHEMAS)}"
    )


def _by_id(entries: Iterable[tuple[str, _Entry]], found_at: str) -> dict[str, _Entry]:
    found: dict[str, _Entry] = {}
    twice = []
    for key, entry in entries:
        if entry.unique_id in found:
            twice.append(entry.unique_id)
        if key != entry.unique_id:
            raise ManifestError(f"{found_at}: the entry {key!r} says that it is {entry.unique_id!r}")
        found[key] = entry
    if twice:
        raise ManifestError(f"{found_at}: more than one node is called {', '.join(sorted(twice))}")
    return found


def _check_dependencies(index: Index, found_at: str) -> None:
    missing = sorted(
        f"{node.unique_id} -> {parent}"
        for node in index.nodes.values()
        for parent in node.depends_on
        if parent not in index.nodes
    )
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise ManifestError(f"{found_at}: nodes depend on what is not there: {', '.join(missing[:5])}{more}")
    sorter = TopologicalSorter({node.unique_id: node.depends_on for node in index.nodes.values()})
    try:
        sorter.prepare()
    except CycleError as fault:
        raise ManifestError(
            f"{found_at}: nodes depend on each other: {' -> '.join(fault.args[1])}"
        ) from fault


def _node(entry: _Entry, owner: str, wishes: Wishes) -> Node:
    config = entry.config
    is_test = entry.resource_type in ("test", "unit_test")
    parents = entry.depends_on.nodes if entry.depends_on else ()
    return Node(
        unique_id=entry.unique_id,
        name=entry.name,
        resource_type=entry.resource_type,
        package_name=entry.package_name,
        fqn=entry.fqn,
        original_file_path=entry.original_file_path,
        # `package://models/schema.yml`; dbt compares only the path
        patch_path=(entry.patch_path or "").rpartition("://")[2],
        tags=_texts(config.get("tags") if entry.resource_type == "unit_test" else entry.tags),
        group=config.get("group") or entry.group,
        access=entry.access,
        materialized=str(config.get("materialized") or entry.resource_type),
        schema=entry.schema,
        database=entry.database,
        alias=entry.alias or entry.identifier,
        relation_name=entry.relation_name,
        # dbt ignores what a seed's hooks refer to: seeds have no parents (SeedNode.depends_on_nodes)
        depends_on=() if entry.resource_type == "seed" else parents,
        severity=str(config.get("severity") or "error").lower() if is_test else None,
        owner=owner,
        checksum=_checksum(entry.checksum),
        version=entry.version,
        latest_version=entry.latest_version,
        source_name=entry.source_name,
        test_name=entry.test_metadata.name if entry.test_metadata else None,
        tested=_tested(entry),
        enabled=config.get("enabled") is not False,
        empty=_is_empty(entry),
        config=_selectable(config) or {},
        timeout=wishes.timeout,
        pools=wishes.pools,
    )


def _wishes(entry: _Entry, found_at: str) -> Wishes:
    # dbt keeps `meta` in the config; versions before 1.10 had it beside as well.
    said = (_mapping(meta).get("headgate") for meta in (entry.config.get("meta"), entry.meta))
    try:
        return Wishes.of(next((one for one in said if one is not None), None))
    except InputError as fault:
        raise ManifestError(f"{found_at}: {entry.unique_id}: meta.headgate{fault}") from fault


def _is_empty(entry: _Entry) -> bool:
    if entry.resource_type in OTHER_SECTIONS or entry.resource_type == "seed":
        return False
    return _BLANK.fullmatch(bytes(entry.raw_code)) is not None


def _tested(entry: _Entry) -> str | None:
    if entry.resource_type == "unit_test" and entry.depends_on and entry.depends_on.nodes:
        return entry.depends_on.nodes[0]
    return entry.attached_node


def _checksum(checksum: Any) -> str:
    return str(_mapping(checksum).get("checksum") or "") if not isinstance(checksum, str) else checksum


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _default_selector(selectors: Mapping[str, Any]) -> str | None:
    return next((name for name, value in selectors.items() if _mapping(value).get("default") is True), None)


def _selectable(value: Any) -> Any:
    """The part of a config value that a selector's text can equal: dbt compares texts and booleans only."""
    if isinstance(value, dict):
        kept = {key: _selectable(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if member is not None} or None
    if isinstance(value, list):
        return [member for member in map(_selectable, value) if isinstance(member, str | bool)] or None
    if isinstance(value, str):
        return value if 0 < len(value) <= _LONGEST_CONFIG_TEXT else None
    return value if isinstance(value, bool) else None


class _Owners:
    """Whom a node belongs to: its own `meta.owner`, its group's owner, an exposure's owner; a test: its model's."""

    def __init__(self, entries: Mapping[str, _Entry], groups: Mapping[str, str]) -> None:
        self._entries, self._groups = entries, groups

    def of(self, entry: _Entry) -> str:
        return self._own(entry) or next(filter(None, map(self._own, self._tested_by(entry))), "")

    def _own(self, entry: _Entry) -> str:
        for meta in (entry.config.get("meta"), entry.meta, entry.source_meta):
            owner = _person(_mapping(meta).get("owner"))
            if owner:
                return owner
        return self._groups.get(entry.config.get("group") or entry.group or "", "") or _person(entry.owner)

    def _tested_by(self, entry: _Entry) -> Iterator[_Entry]:
        if entry.resource_type not in ("test", "unit_test"):
            return
        parents = entry.depends_on.nodes if entry.depends_on else ()
        for unique_id in (entry.attached_node or "", *parents):
            if unique_id in self._entries:
                yield self._entries[unique_id]


def _person(owner: Any) -> str:
    """One line for a person or a team: dbt's {name, email}, a text, or a list of either. An address wins."""
    if isinstance(owner, Mapping):
        return _person(owner.get("email")) or _person(owner.get("name"))
    if isinstance(owner, list | tuple):
        return ", ".join(filter(None, map(_person, owner)))
    return str(owner).strip() if owner else ""
