"""Code and Macro out of a manifest's entries: what reuse has to know of them, read once, at publish."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.domain.batch_reading import batch_of
from headgate.domain.code import Code, Macro
from headgate.domain.config_reading import (
    about_of,
    config_text,
    hooks_of,
    is_steady,
    lag_of,
    silent_after,
    window_of,
)
from headgate.domain.entry import Entry, MacroEntry
from headgate.domain.env_reads import env_names
from headgate.domain.fingerprint import TARGET, short_digest
from headgate.domain.hidden_reads import hidden_in
from headgate.domain.macro_reach import DBT_PACKAGES, name_of, package_of
from headgate.domain.sql_text import CodeText, read_code, without_jinja_comments, without_strings
from headgate.domain.volatile_sql import volatile_in

_BUILT = frozenset({"model", "seed", "snapshot", "test", "function"})
# What they do shows in the relation's name, or in a test's own definition.
_SEEN_ELSEWHERE = re.compile(r"(?:\w+__)?(?:generate_\w+_name|generate_\w+_name_for_env|test_\w+)")
_WORD = re.compile(r"[A-Za-z_]\w*")
_VAR = re.compile(r"\bvar\s*(?:\.\s*has_var\s*)?\(\s*(['\"])([^'\"]+)\1\s*[,)]")
_ANY_VAR = re.compile(r"\bvar\b")
_TARGET = re.compile(r"(?<![.\w])target\b(?!\s*=[^=])")
_BY_NAME = ("dispatch", "context", "builtins")
_STAR = re.compile(r"(?:\bselect|\bdistinct|\ball|,|\.)\s*\*")
# Of a generic test's arguments, those that hold no SQL.
_PLAIN_ARGUMENTS = frozenset({"model", "column_name", "values", "to", "field", "quote", "name"})
_DELETES = re.compile(r"\bdelete\s+from\b", re.IGNORECASE)
# What a macro reads of the properties of a node, of whatever name it has there; and what a node reads of its own.
_ASKS = re.compile(
    r"\bmodel\s*[.\[]|\bmeta|\.\s*(?:tags|description|columns)\b|['\"](?:tags|description|columns|group)['\"]"
)
_ASKS_ITSELF = re.compile(r"\bmodel\b|\bconfig\s*\.\s*(?:get|require|meta)")
_NO_CHECKSUM = "dbt keeps no checksum of its file, which is larger than 1 MiB"


@dataclass(frozen=True, slots=True)
class Callables:
    """The macros that code may call by name: unique_ids by name, of the project and its packages, not dbt's own.

    dbt says which macros an entry calls, but not those behind `{% if execute %}`. standing_in: those that stand in for
    one of dbt's own. asking: whether any of them reads the properties of a node.
    """

    by_name: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    standing_in: frozenset[str] = frozenset()
    asking: bool = False

    @classmethod
    def of(cls, macros: Iterable[MacroEntry], adapter_type: str = "", project: str = "") -> "Callables":
        """Of all macros of a manifest. project: whose macros stand in for dbt's own; empty: any package's."""
        of_dbt = DBT_PACKAGES | {f"dbt_{adapter_type}"}
        own, others, asking = set(), [], False
        for macro in macros:
            if macro.package_name in of_dbt:
                own.add(name_of(macro.unique_id))
            else:
                others.append(macro.unique_id)
                asking = asking or _ASKS.search(macro.macro_sql) is not None
        by_name: dict[str, tuple[str, ...]] = {}
        for unique_id in others:
            name = name_of(unique_id)
            by_name[name] = (*by_name.get(name, ()), unique_id)
        return cls(by_name, frozenset(one for one in others if _stands_in(one, own, project)), asking)

    def named_in(self, jinja: str) -> set[str]:
        """Every macro whose name stands there, also as an attribute: more than are called, never fewer."""
        if not self.by_name or not jinja:
            return set()
        words = set(
            _WORD.findall(jinja if any(sign in jinja for sign in _BY_NAME) else without_strings(jinja))
        )
        return {macro for name in words & self.by_name.keys() for macro in self.by_name[name]}


def _stands_in(unique_id: str, own: set[str], project: str) -> bool:
    name = name_of(unique_id)
    if name.startswith("materialization_"):
        return True
    if project and package_of(unique_id) != project:
        return False
    return (name in own or name.rpartition("__")[2] in own) and not _SEEN_ELSEWHERE.fullmatch(name)


def code_of(entry: Entry, callables: Callables = Callables()) -> Code:
    """Of one entry of any section; those without code have an empty one. To be called for every node."""
    kind = entry.resource_type
    if kind == "source":
        return Code(silent_after=silent_after(entry))
    if kind not in _BUILT:
        return Code(macros=entry.macros)
    window, updates_on = window_of(entry.config)
    seen = (
        _seed(entry)
        if kind == "seed"
        else _test(entry, callables)
        if kind == "test"
        else _sql(entry, callables)
    )
    return Code(
        text=seen.text,
        config=config_text(entry),
        vars=seen.vars,
        macros=seen.macros,
        volatile=seen.volatile,
        hidden=seen.hidden,
        star=seen.star,
        build_after=window,
        updates_on=updates_on,
        lag=lag_of(entry.config),
        batch=batch_of(entry),
        steady=is_steady(entry),
        about=about_of(entry) if callables.asking and kind != "test" else "",
        env=seen.env,
    )


def macro_of(entry: MacroEntry, callables: Callables = Callables()) -> Macro:
    """Of one macro. To be called for every macro outside dbt's own packages, and for those of dbt that are reached."""
    if not callables.by_name or entry.unique_id not in callables.by_name.get(name_of(entry.unique_id), ()):
        return Macro(macros=entry.macros, path=entry.original_file_path)
    raw = entry.macro_sql
    code = read_code(raw)
    return Macro(
        macros=_macros(entry.macros, callables.named_in(code.jinja)),
        path=entry.original_file_path,
        volatile=volatile_in(code, raw=raw),
        hidden=hidden_in(code, raw=raw, is_macro=True),
        vars=_vars(code.jinja),
        everywhere=entry.unique_id in callables.standing_in,
        text=short_digest(without_jinja_comments(raw)),
        star=_has_star(code),
        asks=_ASKS.search(code.jinja) is not None,
        env=env_names(code.jinja),
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    text: str
    vars: tuple[str, ...] = ()
    macros: tuple[str, ...] = ()
    volatile: str = ""
    hidden: str = ""
    star: bool = False
    env: tuple[str, ...] = ()


def _sql(entry: Entry, callables: Callables) -> _Seen:
    raw = entry.raw_code or ""
    code, own = read_code(raw), entry.config
    hooks = _DELETES.sub("delete", "\n;\n".join(hooks_of(own)))
    after = read_code(hooks) if hooks else CodeText("", "", "")
    is_view = own.get("materialized") in ("view", "materialized_view")
    called = callables.named_in(code.jinja + after.jinja)
    text = code.normal
    if entry.resource_type == "function":
        text = repr((text, bytes(entry.arguments), bytes(entry.returns)))
    if _ASKS_ITSELF.search(code.jinja + after.jinja):
        text = repr((text, about_of(entry)))
    if entry.language == "python":
        return _Seen(short_digest(raw), _vars("var target"), entry.macros, volatile="Python model")
    return _Seen(
        text=short_digest(text),
        vars=_vars(code.jinja + after.jinja),
        macros=_macros(entry.macros, called),
        volatile="snapshot" if entry.resource_type == "snapshot" else
        volatile_in(code, raw=raw) or (hooks and volatile_in(after, raw=hooks)),
        hidden=hidden_in(code, raw=raw) or (hooks and hidden_in(after, raw=hooks, is_macro=True)),
        star=is_view and _has_star(code),
        env=env_names(code.jinja + after.jinja),
    )  # fmt: skip


def _test(entry: Entry, callables: Callables) -> _Seen:
    test = entry.test_metadata
    if test is None:
        return _sql(entry, callables)
    said = [*_texts({key: value for key, value in test.kwargs.items() if key not in _PLAIN_ARGUMENTS})]
    said += _texts(entry.config.get("where"))
    raw = "\n,".join(said)
    code = read_code(raw) if raw else CodeText("", "", "")
    return _Seen(
        text=short_digest(repr((test.namespace, test.name, sorted(test.kwargs.items()), entry.raw_code))),
        vars=_vars(code.jinja),
        macros=_macros(entry.macros, callables.named_in(code.jinja)),
        volatile=raw and volatile_in(code, raw=raw),
        hidden=raw and hidden_in(code, raw=raw, is_macro=True),
        env=env_names(code.jinja),
    )


def _has_star(code: CodeText) -> bool:
    return ("*" in code.sql and _STAR.search(code.sql) is not None) or "columns_in_" in code.jinja


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    members = (
        value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    )
    return [text for member in members for text in _texts(member)]


def _seed(entry: Entry) -> _Seen:
    checksum = entry.checksum if isinstance(entry.checksum, Mapping) else {}
    # Of a large file dbt keeps the path only.
    known = checksum.get("name") not in ("path", "none", None)
    return _Seen(str(checksum.get("checksum") or "") if known else "", hidden="" if known else _NO_CHECKSUM)


def _macros(told: tuple[str, ...], named: set[str]) -> tuple[str, ...]:
    return (*told, *sorted(named.difference(told))) if named else told


def _vars(jinja: str) -> tuple[str, ...]:
    names: set[str] = set()
    if "var" in jinja:
        names = {name for _, name in _VAR.findall(jinja)}
        if len(_ANY_VAR.findall(without_strings(jinja))) > len(_VAR.findall(jinja)):
            names.add("*")
    if "target" in jinja and _TARGET.search(without_strings(jinja)):
        names.add(TARGET)
    return tuple(sorted(names))
