"""Signing a node: digests of exactly what dbt compares for `state:`.

Source: `StateSelectorMethod` (dbt/graph/selector_methods.py) and the `same_…` methods of dbt/contracts/graph/nodes.py
of dbt-core 1.11. dbt compares members of objects; here each group of members becomes one digest of its JSON, with keys
in order and, but for what users write as config, without nulls and empty collections: older manifests lack newer
fields.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from headgate.domain.entry import Column, Entry
from headgate.domain.signature import Signature

# dbt compares these as the relation, or calls their change harmless (CompareBehavior.Exclude of the config classes).
_NO_CHANGE = frozenset({"alias", "database", "group", "schema", "tags"})
_NO_CHANGE_OF = {"source": frozenset[str](), "exposure": frozenset[str](), "metric": frozenset({"group"})}
# What dbt compares of a test's config. dbt 1.12 added sql_header, which means nothing to the versions before.
_OUTCOME = {
    *("severity", "where", "limit", "fail_calc", "warn_if", "error_if"),
    *("store_failures", "store_failures_as", "sql_header"),
}
_RELATION = ("database", "schema", "alias")
_WHOLE_CONFIG = ("semantic_model", "saved_query")


def digest(text: str | bytes) -> bytes:
    """Eight bytes: two texts of one node being taken for the same once in 10^19 comparisons."""
    return blake2b(text.encode() if isinstance(text, str) else text, digest_size=8).digest()


def signature_of(entry: Entry, macros: tuple[str, ...] | None = None) -> Signature:
    """What the two manifests of a comparison must agree on for this node to be unmodified.

    macros: those that it calls, unless they are exactly its code's.
    """
    kind = entry.resource_type
    if kind == "unit_test":
        return Signature(rest=_of(entry.checksum), macros=macros)
    if kind == "source":
        return _of_source(entry)
    if kind in _OWN_RULES:
        return Signature(configs=_configs(entry), rest=_of(_OWN_RULES[kind](entry)), macros=macros)
    return Signature(
        body=_of(entry.checksum) if kind == "seed" else digest(entry.raw_code or ""),
        configs=_configs(entry),
        relation=_of_any([entry.unrendered_config.get(key) for key in _RELATION]),
        description=digest(entry.description) if entry.description else b"",
        columns=_columns(entry.columns),
        persists=_persists(entry.config.get("persist_docs")),
        contract=_contract(entry),
        rest=_of(_rest(entry)),
        macros=macros,
    )


def _of_source(entry: Entry) -> Signature:
    said = (entry.unrendered_database, entry.unrendered_schema, entry.identifier)
    rest = (entry.fqn, entry.loaded_at_field, *map(_plain, (entry.quoting, entry.freshness, entry.external)))
    return Signature(
        configs=_configs(entry),
        relation=_of(said),
        rendered=_of((entry.database, entry.schema, entry.identifier)),
        rest=_of(rest),
    )


def _rest(entry: Entry) -> list[Any]:
    if entry.resource_type == "model":
        return [entry.fqn, entry.latest_version, entry.access or "protected", entry.deprecation_date]
    if entry.resource_type == "function":
        return [entry.fqn, _plain(entry.arguments), _plain(entry.returns)]
    return [entry.fqn]


def _of_exposure(entry: Entry) -> list[Any]:
    about = [_plain(entry.type), entry.owner, entry.maturity, entry.url, entry.description or "", entry.label]
    return [entry.fqn, *about, sorted(set(entry.parents))]


def _of_metric(entry: Entry) -> list[Any]:
    return [_plain(entry.type), entry.description or "", entry.label]


def _of_semantic_model(entry: Entry) -> list[Any]:
    parts = (entry.defaults, entry.entities, entry.dimensions, entry.measures)
    return [entry.model, entry.description or "", entry.primary_entity, entry.group, *map(_plain, parts)]


def _of_saved_query(entry: Entry) -> list[Any]:
    query = _plain(entry.query_params) or {}
    asked = [query.get(key) for key in ("metrics", "group_by", "where")]
    exports = [_export(export) for export in _plain(entry.exports) or ()]
    return [*asked, entry.description or "", entry.label, entry.group, exports, entry.tags]


def _export(export: Mapping[str, Any]) -> list[Any]:
    config = export.get("unrendered_config") or {}
    return [export.get("name"), *(config.get(key) for key in ("export_as", "schema", "alias"))]


_OWN_RULES = {
    "exposure": _of_exposure,
    "metric": _of_metric,
    "semantic_model": _of_semantic_model,
    "saved_query": _of_saved_query,
}


def _configs(entry: Entry) -> bytes:
    kind, said = entry.resource_type, entry.unrendered_config
    if kind in _WHOLE_CONFIG:
        return _of(entry.config)
    if kind == "test":
        return _of_any({key: said[key] for key in said.keys() & _OUTCOME})
    return _of_any({key: said[key] for key in said.keys() - _NO_CHANGE_OF.get(kind, _NO_CHANGE)})


def _columns(columns: Mapping[str, Column]) -> bytes:
    return _of_any({name: column.description or "" for name, column in columns.items()})


def _persists(said: Any) -> tuple[str, ...]:
    said = said if isinstance(said, dict) else {}
    return tuple(aspect for aspect in ("relation", "columns") if said.get(aspect))


def _contract(entry: Entry) -> bytes:
    contract = entry.contract if entry.resource_type == "model" else None
    return digest(contract.checksum or "") if contract and contract.enforced else b""


def _plain(raw: msgspec.Raw) -> Any:
    return msgspec.json.decode(raw) if raw else None


def _of(value: Any) -> bytes:
    """Digest of a value whose nulls and empty collections say nothing."""
    return digest(msgspec.json.encode(_without_nothing(value), order="deterministic"))


def _of_any(value: Any) -> bytes:
    """Digest of a value as it stands; of none at all where there is none."""
    if not value or value == [None, None, None]:
        return b""
    return digest(msgspec.json.encode(value, order="deterministic"))


def _without_nothing(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {key: _without_nothing(member) for key, member in value.items()}
        return {key: member for key, member in kept.items() if member is not None} or None
    if isinstance(value, list | tuple):
        return [_without_nothing(member) for member in value] or None
    return value
