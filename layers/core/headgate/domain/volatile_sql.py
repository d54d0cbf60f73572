"""Code whose outcome depends on more than code and data: the moment, chance, the session, the invocation."""

import re

from headgate.domain.sql_text import CodeText

# In SQL a word by itself; behind a dot it is a column.
_WORDS = (
    *(f"current_{of}" for of in (
        "timestamp", "date", "time", "datetime", "user", "role", "warehouse", "session", "account", "region", "catalog",
        "schema", "schemas", "database", "secondary_roles", "available_roles", "statement", "transaction", "client",
        "ip_address", "organization_name", "version", "user_id",
    )),
    "localtime", "localtimestamp", "sysdate", "systimestamp", "session_user", "system_user", "tablesample",
    "sessiontimezone",
)  # fmt: skip
# Only with a parenthesis, then also behind a schema.
_FUNCTIONS = (
    "now", "now64", "today", "utcnow", "yesterday", "getdate", "getutcdate", "curdate", "curtime", "sysdatetime",
    "sysutcdatetime", "sysdatetimeoffset", "utc_date", "utc_time", "utc_timestamp", "clock_timestamp",
    "statement_timestamp", "transaction_timestamp", "timeofday", "get_current_timestamp", "get_current_time", "rand",
    "randn", "random",
    "randstr", "random_bytes", "random_normal", "rand_canonical", "setseed", "zipf", "uuid", "uuidv4",
    "uuidv7", "uuid_string", "newid", "newsequentialid", "nextval", "currval", "lastval", "txid_current",
    "txid_current_snapshot", "pg_current_xact_id", "pg_current_snapshot", "pg_backend_pid", "current_setting",
    "getvariable", "session_context", "session_id", "sys_context", "userenv", "connection_id", "last_query_id",
    "current_timestamp_backcompat", "current_timestamp_in_utc_backcompat", "current_timestamp_in_utc", "now_utc",
    "today_utc", "generateuuidv4", "get_relations_by_pattern", "get_relations_by_prefix", "get_tables_by_pattern_sql",
    "get_tables_by_prefix_sql", "list_relations", "list_relations_without_caching", "setvar",
)  # fmt: skip
# In Jinja: what dbt knows of the invocation, and what looks into the warehouse beside the data.
_OF_INVOCATION = (
    "run_started_at", "invocation_id", "invocation_args_dict", "thread_id", "selected_resources", "dbt_metadata_envs",
    "information_schema",
)  # fmt: skip
_WORD, _FUNCTION = "|".join(_WORDS), "|".join(_FUNCTIONS)
_FAMILY = r"generate_uuid\w*|gen_random_\w+|uuid_generate_v\d\w*"
# Without an argument they tell the moment.
_OF_NOTHING = r"unix_timestamp|date|datetime|timestamp"
_IN_SQL = re.compile(
    rf"(?<![\w.$])(?:{_WORD})\b|\b(?:{_WORD}|{_FUNCTION}|{_FAMILY})\s*\(|\b(?:{_OF_NOTHING})\s*\(\s*\)"
    r"|(?<![\w.])age\s*\([^(),]*\)|\binformation_schema\b|\bnext\s+value\s+for\b"
)
_MOMENT = r"'(?:now|today|yesterday|tomorrow)'"
_AS_STRING = re.compile(
    rf"{_MOMENT}\s*::|\b(?:date|time|datetime|timestamp|timestamptz|julianday|strftime|to_timestamp|cast)\s*\(?\s*"
    rf"(?:'[^']*'\s*,\s*)?{_MOMENT}"
)
_IN_JINJA = re.compile(
    rf"(?<![\w.$])(?:{_WORD})\b|\b(?:{_WORD}|{_FUNCTION}|{_FAMILY})\s*\(|\b(?:{'|'.join(_OF_INVOCATION)})\b"
    r"|\bgraph\s*[.\[]|\bapi\s*\.\s*relation\s*\.\s*create|\bflags\s*[.\[](?!\s*full_refresh)"
    r"|\b(?:get_relation|load_relation|load_cached_relation)\s*\((?!\s*(?:this\b|database\s*=\s*this\b))"
)
# A relation that is handed over is one that somebody refers to; its data is seen.
_OF_ARGUMENT = re.compile(r"(?:load_relation|load_cached_relation)\s*\(\s*[a-z_]\w*\s*\)")
_QUOTED = re.compile(r'"[^"]*"')
_ENV_VAR = re.compile(r"env_var\s*\(\s*(?:['\"]([^'\"]*)['\"])?")
# Words that the patterns cannot do without: most code has none of them.
_SIGNS = frozenset({
    *_WORDS, *_FUNCTIONS, *_OF_INVOCATION, "age", "date", "datetime", "timestamp", "unix_timestamp", "next", "graph",
    "api", "flags", "get_relation", "load_relation", "load_cached_relation", "env_var", "cast", "julianday", "strftime",
    "to_timestamp", "time", "timestamptz",
})  # fmt: skip
_RARE = re.compile(rf"{_FAMILY}|{_MOMENT}")
_IDENTIFIER = re.compile(r"[a-z_]\w*")


def volatile_in(code: CodeText, *, raw: str) -> str:
    """The first name that makes it volatile, as in `current_date` or `env_var REGION`; nothing: there is none.

    raw: the text that `code` was read from.
    """
    low = raw.lower()
    if _SIGNS.isdisjoint(_IDENTIFIER.findall(low)) and not _RARE.search(low):
        return ""
    if "env_var" in low and (found := _ENV_VAR.search(code.jinja)):
        return f"env_var {found[1] or ''}".strip()
    sql = code.sql if code.doubtful or '"' not in code.sql else _QUOTED.sub('""', code.sql)
    jinja = _OF_ARGUMENT.sub("", code.jinja.lower())
    name = _IN_SQL.search(sql) or _IN_JINJA.search(jinja) or (_AS_STRING.search(low) if "'" in low else None)
    return _bare(name[0]) if name else ""


def _bare(found: str) -> str:
    return re.sub(r"\s*[(\[].*", "", found, flags=re.DOTALL).strip() or found.strip()
