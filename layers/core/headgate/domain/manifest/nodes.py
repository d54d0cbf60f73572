"""One entry of a manifest as a node of the index. What a node is, is dbt-core 1.11's own rule."""

from typing import Any

from headgate.domain.code_reading import Callables, code_of
from headgate.domain.entry import Entry
from headgate.domain.index import OTHER_SECTIONS, Node
from headgate.domain.manifest.signing import signature_of
from headgate.domain.wishes import Wishes
from headgate.errors import InputError, ManifestError

# Nobody selects by a config value longer than this; descriptions kept in `meta` would double the index.
_LONGEST_CONFIG_TEXT = 256
_PLAIN = frozenset({bool, int, float})


def node_of(entry: Entry, owner: str, callables: Callables, found_at: str) -> Node:
    """Raises ManifestError: `meta.headgate` says something unknown."""
    config = entry.config
    wishes = _wishes(entry, found_at)
    code = code_of(entry, callables)
    is_test = entry.resource_type in ("test", "unit_test")
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
        depends_on=entry.parents,
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
        config=_selectable(config),
        timeout=wishes.timeout,
        pools=wishes.pools,
        code=code,
        signature=signature_of(entry, None if set(code.macros) == set(entry.macros) else entry.macros),
        connectors=_connectors(entry),
    )


def _metas(entry: Entry) -> list[dict[str, Any]]:
    # dbt keeps `meta` in the config; versions before 1.10 had it beside as well.
    return [meta for meta in (entry.config.get("meta"), entry.meta) if isinstance(meta, dict) and meta]


def _wishes(entry: Entry, found_at: str) -> Wishes:
    said = (meta["headgate"] for meta in _metas(entry) if meta.get("headgate") is not None)
    try:
        return Wishes.of(next(said, None))
    except InputError as fault:
        raise ManifestError(f"{found_at}: {entry.unique_id}: meta.headgate{fault}") from fault


def _connectors(entry: Entry) -> tuple[str, ...]:
    """Names or ids, as the project's authors write them into a source's `meta`."""
    if entry.resource_type != "source":
        return ()
    found: list[str] = []
    for meta in (*_metas(entry), entry.source_meta or {}):
        own = meta.get("headgate")
        own = own if isinstance(own, dict) else {}
        said = (own.get("connector"), own.get("connectors"))
        for value in (*said, meta.get("fivetran_connector"), meta.get("airbyte_connection")):
            found += [str(name) for name in (value if isinstance(value, list) else [value]) if name]
    return tuple(dict.fromkeys(found))


def _is_empty(entry: Entry) -> bool:
    if entry.resource_type in OTHER_SECTIONS or entry.resource_type == "seed":
        return False
    return not entry.raw_code or entry.raw_code.isspace()


def _tested(entry: Entry) -> str | None:
    if entry.resource_type == "unit_test" and entry.parents:
        return entry.parents[0]
    return entry.attached_node


def _checksum(checksum: Any) -> str:
    if isinstance(checksum, dict):
        return str(checksum.get("checksum") or "")
    return checksum if isinstance(checksum, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _selectable(config: dict[str, Any]) -> dict[str, Any]:
    """The part of a config that a selector can equal: a text, true, false, or a number of selectors.yml.

    Types are compared, not asked for: JSON has no others, and a large project has a million values.
    """
    kept: dict[str, Any] = {}
    for key, value in config.items():
        kind = type(value)
        if kind in _PLAIN or (kind is str and 0 < len(value) <= _LONGEST_CONFIG_TEXT):
            kept[key] = value
        elif kind is dict and (inner := _selectable(value)):
            kept[key] = inner
        elif kind is list and (members := [member for member in value if _is_selectable(member)]):
            kept[key] = members
    return kept


def _is_selectable(value: Any) -> bool:
    kind = type(value)
    return kind in _PLAIN or (kind is str and 0 < len(value) <= _LONGEST_CONFIG_TEXT)
