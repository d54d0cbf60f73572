"""Which generic tests one query may answer together with others, read at publish (docs/reuse.md, "Tests").

Only tests with dbt's default configuration: anything else changes what their number means. And only texts that mean the
same wherever they stand in a statement: a quote that is left open would reach into the next test.
"""

from typing import Any

from headgate.domain.entry import Entry

KINDS = frozenset({"not_null", "unique", "accepted_values"})
# What dbt writes into a test's config when nobody says anything else; keys that older versions lack may be missing.
_DEFAULTS: dict[str, tuple[object, ...]] = {
    "severity": ("ERROR", "error"),
    "fail_calc": ("count(*)",),
    "warn_if": ("!= 0",),
    "error_if": ("!= 0",),
    "store_failures": (None, False),
    "store_failures_as": (None, "ephemeral"),
    "limit": (None,),
    "where": (None,),
    "sql_header": (None,),
    "database": (None,),
    "materialized": ("test",),
}
# They say who and where, not what.
_IDLE = frozenset(
    {"enabled", "alias", "schema", "tags", "meta", "group", "docs", "description", "static_analysis"}
)
_ARGUMENTS = frozenset({"model", "column_name", "values", "quote"})
_BREAKS = ("--", "/*", "*/", ";", "\\", "$$", "{{", "{%", "{#")


def batch_of(entry: Entry) -> dict[str, object] | None:
    """kind, column, values and quote of a test that may be batched; None for every other node."""
    test = entry.test_metadata
    if entry.resource_type != "test" or test is None or test.namespace or test.name not in KINDS:
        return None
    column, values = test.kwargs.get("column_name"), test.kwargs.get("values")
    quote = test.kwargs.get("quote", True)
    wanted = _ARGUMENTS if test.name == "accepted_values" else {"model", "column_name"}
    if (
        test.kwargs.keys() - wanted
        or len(entry.parents) != 1
        or not isinstance(quote, bool)
        or not isinstance(column, str)
        or not _is_closed(column)
        or not _is_default(entry.config)
    ):
        return None
    if test.name != "accepted_values":
        return {"kind": test.name, "column": column}
    if not isinstance(values, list) or not values or not all(_is_value(value, quote) for value in values):
        return None
    return {"kind": test.name, "column": column, "values": values, "quote": quote}


def _is_default(config: dict[str, Any]) -> bool:
    return all(
        key in _IDLE or (config[key] in _DEFAULTS[key] if key in _DEFAULTS else not config[key])
        for key in config
    )


def _is_value(value: object, quote: bool) -> bool:
    if not isinstance(value, str):
        return isinstance(value, int | float)
    if not quote:
        return _is_closed(value)
    # Escaped quotes come in pairs; everything else stands between the quotes that dbt writes.
    return "'" not in value.replace("''", "") and not any(part in value for part in ("\\", "{{", "{%", "{#"))


def _is_closed(text: str) -> bool:
    """Whether an expression ends where it ends: quotes and brackets closed, no comment."""
    if any(part in text for part in _BREAKS) or any(text.count(quote) % 2 for quote in "'\"`"):
        return False
    depth = 0
    for sign in text:
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if depth < 0:
            return False
    return depth == 0 and bool(text.strip())
