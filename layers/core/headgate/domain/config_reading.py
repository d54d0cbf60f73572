"""What of a node's config belongs to its fingerprint, and what it says about when to build.

Every key does, but for those of which it is known that they change no relation: a key that nobody knows may be one of a
project's own materialization.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from headgate.domain.entry import Entry
from headgate.domain.fingerprint import short_digest
from headgate.domain.sql_text import read_code
from headgate.domain.time_span import seconds_of
from headgate.errors import InputError

# Who, where and how fast. database, schema, alias are the relation's own part; contract, docs have rules of their own.
_IDLE = frozenset({
    "access", "alias", "contract", "database", "deprecation_date", "description", "docs", "enabled", "freshness",
    "group", "labels", "meta", "query_tag", "schema", "snowflake_warehouse", "snowflake_initialization_warehouse",
    "state", "static_analysis", "tags", "job_execution_timeout_seconds", "job_retries", "databricks_compute",
})  # fmt: skip
_LONGEST = 40
_PERIODS = {"minute": 60.0, "hour": 3_600.0, "day": 86_400.0}
_LAG = re.compile(r"\s*(\d{1,7})\s*([smhdw])[a-z]*\s*")
_UNITS = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0, "w": 604_800.0}


def config_text(entry: Entry) -> str:
    """`key=value` lines in order of the keys; a value that is long or SQL is a digest behind `#`."""
    lines = [
        f"{key}={_shown(key, value)}"
        for key, value in entry.config.items()
        if key not in _IDLE and (value or value is False)
    ]
    lines += _of_contract(entry)
    lines += _of_docs(entry)
    return "\n".join(sorted(lines))


def _shown(key: str, value: Any) -> str:
    if isinstance(value, str) and len(value) <= _LONGEST and "\n" not in value:
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower()
    if key.endswith("hook"):
        return "#" + short_digest("\0".join(read_code(sql).normal for sql in hooks_of({key: value})))
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= _LONGEST else "#" + short_digest(text)


def hooks_of(config: Mapping[str, Any]) -> Iterator[str]:
    """The SQL of all hooks. dbt calls them `pre-hook`, in a model's own `config()` also `pre_hook`."""
    for key in ("pre-hook", "post-hook", "pre_hook", "post_hook"):
        said = config.get(key)
        for hook in said if isinstance(said, list) else [said]:
            sql = hook.get("sql") if isinstance(hook, Mapping) else hook
            if sql:
                yield str(sql)


def _of_contract(entry: Entry) -> Iterator[str]:
    if entry.contract is not None and entry.contract.enforced:
        # dbt's checksum knows no order, the table has one.
        yield f"contract=#{short_digest(repr((entry.contract.checksum, list(entry.columns))))}"


def _of_docs(entry: Entry) -> Iterator[str]:
    persists = entry.config.get("persist_docs")
    if isinstance(persists, Mapping) and (persists.get("relation") or persists.get("columns")):
        about = [(name, column.description) for name, column in sorted(entry.columns.items())]
        said = (
            entry.description if persists.get("relation") else "",
            about if persists.get("columns") else (),
        )
        yield f"descriptions=#{short_digest(repr(said))}"


def about_of(entry: Entry) -> str:
    """What its properties say of it that changes no relation by itself; a macro may make something of it."""
    columns = [
        (name, column.description, column.data_type, bytes(column.meta), bytes(column.tags))
        for name, column in sorted(entry.columns.items())
    ]
    said = (entry.config.get("meta"), entry.meta, entry.tags, entry.group, entry.description, columns)
    return short_digest(json.dumps(said, sort_keys=True, default=str))


def window_of(config: Mapping[str, Any]) -> tuple[float | None, str]:
    """Seconds between two builds (`freshness.build_after`) and whose data must be new: `any` or `all`."""
    after, state = _at(_at(config, "freshness"), "build_after"), _at(config, "state")
    who = after.get("updates_on") or state.get("require_fresh_data_from") or "any"
    count, period = after.get("count"), str(after.get("period") or "")
    seconds = _PERIODS.get(period)
    window = count * seconds if isinstance(count, int | float) and seconds else None
    return window, "all" if str(who) == "all" else "any"


def lag_of(config: Mapping[str, Any]) -> float | None:
    """Seconds of `state.lag_tolerance`, as in `45m`, `1800 seconds`, `2w`; None: there is none that can be read."""
    said = _at(config, "state").get("lag_tolerance")
    found = _LAG.fullmatch(said) if isinstance(said, str) else None
    return float(found[1]) * _UNITS[found[2]] if found else None


def is_steady(entry: Entry) -> bool | None:
    """Whether its authors say that the moment does not matter; None: they say nothing."""
    said = _own(entry).get("volatile")
    if said is not None:
        return bool(said == "ignore")
    return True if _at(entry.config, "state").get("evaluate_volatile_sql") is False else None


def silent_after(entry: Entry) -> float | None:
    """Of a source: how long its connector may say nothing."""
    said = _own(entry).get("silent_after")
    try:
        return None if said is None else seconds_of(said)
    except InputError:
        return None


def _own(entry: Entry) -> Mapping[str, Any]:
    for meta in (entry.config.get("meta"), entry.meta, entry.source_meta):
        if isinstance(meta, Mapping) and isinstance(meta.get("headgate"), Mapping):
            own: Mapping[str, Any] = meta["headgate"]
            return own
    return {}


def _at(holder: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = holder.get(key)
    return found if isinstance(found, Mapping) else {}
