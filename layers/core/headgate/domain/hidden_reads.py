"""What SQL reads without `ref` or `source`: nobody is told when it changes, so whoever reads it is built each time.

Looked for behind `from` and `join`, where there is neither an expression nor the name of a CTE. In doubt it is hidden.
"""

import re
from collections.abc import Iterator
from functools import cached_property
from typing import NamedTuple

from headgate.domain.sql_text import CodeText

# Lower case, as `CodeText.sql` is.
_FROM = re.compile(r"\b(?:from|join)\b\s*")
# `merge into x using y`, `delete from x using y`; a join's `using` is followed by columns.
_USING = re.compile(r"\b(?:merge|delete)\b[^;]*?\busing\b\s*(?!\s|\()")
# `is distinct from x` compares; behind these signs it is a name.
_DISTINCT = re.compile(r"\bis\s+(?:not\s+)?distinct\s+$")
_NO_WORD = frozenset(".@$#")
_NAME = r"(?:[\w$@-]+|\"[^\"]*\"|`[^`]*`|\[[^\]]*\]|\{\})+"
_ITEM = re.compile(
    r"((?:\(\s*|only\b\s*|lateral\b\s*|(?:inner|left|right|full|cross|outer)\b\s*(?:outer\b\s*)?(?:join\b\s*)?)*)"
    rf"(''|@[\w./%$\"{{}}]+|(?:{_NAME})(?:\s*[.:]\s*(?:{_NAME}))*)(\s*\()?"
)
# An expression that nothing but its alias follows.
_REF = re.compile(
    r"\{\}\s*(?:\)|$|(?:as\s+)?\w*\s+(?:where|on|join|left|right|inner|full|cross|group|order|using|union)\b)"
)
_ALIAS = re.compile(r"\s*(?:as\s+)?(?:[\w\"]+)?\s*(?:\([^()]*\))?\s*,\s*")
_AFTER = re.compile(r"\s*(?:as\s+)?([a-z_]\w*)")
_AS = re.compile(r"\bas\s*(?:(?:not\s+)?materialized\s*)?\(")
_COLUMNS = re.compile(r"\([^()]*\)\s*$")
_NO_NAME = " \n\t\r,()"
_PARENTHESIS = re.compile(r"[()]")
_BEFORE = re.compile(r"(\w+)\s*$")
_STARTS_QUERY = frozenset(
    {"select", "with", "values", "unnest", "table", "flatten", "dual", "pivot", "unpivot"}
)
# They make rows of their arguments alone.
_OF_ARGUMENTS = re.compile(
    r"generate_series|generate_\w+|unnest|flatten|values|generator|split_to_table|explode(?:_outer)?|posexplode(?:_outer)?"
    r"|inline(?:_outer)?|stack|range|sequence|json\w*|string_to_table|string_split|regexp_split_to_table"
    r"|regexp_matches|xmltable|openjson|strtok_split_to_table|numbers|arrayjoin|lateral|rows|tableau|repeat"
)
_WITH_FROM = frozenset(
    {"extract", "trim", "substring", "substr", "overlay", "position", "ltrim", "rtrim", "btrim"}
)
_IN_STRING = re.compile(r"\b(?:from|join)\s+[\"`\[]?([a-z_]\w*[\"`\]]?\.[\"`\[]?[a-z_][\w\"`.\]]*)")
_FROM_EXPRESSION = re.compile(r"\b(?:from|join)\s*\(?\s*\{\}")
_DOTTED_STRING = re.compile(r"['\"]([A-Za-z_]\w*\.[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)?)['\"]")
_VAR = re.compile(r"\bvar\s*\(\s*['\"](\w+)")
_FROM_VAR = re.compile(r"\b(?:from|join)\s+\{\{-?\s*var\b", re.IGNORECASE)
_SIGNS = re.compile(r"[\"`\[\]\s]")
_LONGEST_HEAD = 2000
_VARIABLE = re.compile(r"\{\{-?\s*(?:var\b|[A-Za-z_]\w*\s*[-|}~])")


def hidden_in(code: CodeText, *, raw: str, is_macro: bool = False) -> str:
    """The first such name, as it is written but in lower case; nothing: there is none.

    raw: the text that `code` was read from. is_macro: a macro may be part of any query, so only a name with a dot is
    surely a table.
    """
    low = code.jinja.lower()
    if ("from" in low or "join" in low) and (found := _IN_STRING.search(low)):
        return found[1]
    if not any(word in code.sql for word in ("from", "join", "using")):
        return ""
    if not is_macro and (name := _in_expression(code, raw)):
        return name
    query = _Query(code.sql)
    for item in query.items():
        if is_macro and ("." not in item.name or "{}" in item.name or item.called):
            continue
        if query.is_hidden(item):
            return item.name
    return ""


def _in_expression(code: CodeText, raw: str) -> str:
    """A table whose name a variable holds, and where no `ref` may have made it."""
    if not _VARIABLE.search(code.jinja) or not _FROM_EXPRESSION.search(code.sql):
        return ""
    if dotted := _DOTTED_STRING.search(code.jinja):
        return dotted[1]
    named = _VAR.search(code.jinja)
    return f"var {named[1]}" if named and _FROM_VAR.search(raw) else ""


class _Item(NamedTuple):
    """name: as written. at: where its `from` is. called: whether arguments follow."""

    name: str
    at: int
    called: bool


class _Query:
    """One text of SQL: its CTEs, and where each of them may be read."""

    def __init__(self, sql: str) -> None:
        self._sql = sql
        self._recursive = "recursive" in sql
        self._ends: dict[int, int] = {}
        self._aliases: set[str] = set()

    @cached_property
    def _ctes(self) -> dict[str, list[tuple[int, int]]]:
        """Name -> where each CTE of this name begins, and where its query does."""
        found: dict[str, list[tuple[int, int]]] = {}
        for opening in _AS.finditer(self._sql):
            before = self._sql[max(0, opening.start() - _LONGEST_HEAD) : opening.start()].rstrip()
            if before.endswith(")"):
                before = _COLUMNS.sub("", before).rstrip()
            name = before[1 + max(map(before.rfind, _NO_NAME)) :]
            found.setdefault(_bare(name), []).append((opening.start(), opening.end()))
        return found

    def items(self) -> Iterator[_Item]:
        """What stands behind each `from` and `join`."""
        for start in _FROM.finditer(self._sql):
            word = start.start()
            if word and (self._sql[word - 1] in _NO_WORD or self._compares(word)):
                continue
            yield from self._list(word, start.end())
        for start in _USING.finditer(self._sql):
            yield from self._list(start.start(), start.end())

    def _list(self, word: int, at: int) -> Iterator[_Item]:
        if _REF.match(self._sql, at):
            return
        while item := _ITEM.match(self._sql, at):
            end = item.end()
            if _bare(item[2]) in _STARTS_QUERY:
                if "(" not in item[1]:
                    return
                end = self._closed(self._sql.index("(", item.start()) + 1)
            else:
                yield _Item(item[2], word, bool(item[3]))
                end = self._closed(end) if item[3] else end
                end += "(" in item[1] and self._sql.startswith(")", end)
            if alias := _AFTER.match(self._sql, end):
                self._aliases.add(alias[1])
            more = _ALIAS.match(self._sql, end)
            if more is None:
                return
            at = more.end()

    def _compares(self, word: int) -> bool:
        before = self._sql[max(0, word - 40) : word]
        return "distinct" in before and _DISTINCT.search(before) is not None

    def is_hidden(self, item: _Item) -> bool:
        name, at = item.name, item.at
        if name == "{}" or (name[0].isdigit() and "." not in name):
            return False
        if item.called:
            return not (_OF_ARGUMENTS.fullmatch(name.rpartition(".")[2]) or self._is_argument(at))
        bare = _bare(name)
        if any(start < at and self._is_visible(body, at) for start, body in self._ctes.get(bare, ())):
            return False
        if "." in bare and bare.partition(".")[0] in self._aliases:
            return False
        return not self._is_argument(at)

    def _is_visible(self, body: int, at: int) -> bool:
        """A CTE can be read after its own end; inside only if it may be recursive."""
        return self._recursive or self._closed(body) <= at

    def _closed(self, opened: int) -> int:
        """Where the parenthesis that ends before `opened` is closed."""
        if opened not in self._ends:
            depth, end = 1, len(self._sql)
            for found in _PARENTHESIS.finditer(self._sql, opened):
                depth += 1 if found[0] == "(" else -1
                if not depth:
                    end = found.end()
                    break
            self._ends[opened] = end
        return self._ends[opened]

    def _is_argument(self, at: int) -> bool:
        """Whether the `from` before is a part of a function call, as in `extract(year from x)`."""
        depth = 0
        for place in range(at - 1, -1, -1):
            sign = self._sql[place]
            if sign == ")":
                depth += 1
            elif sign == "(":
                if not depth:
                    before = _BEFORE.search(self._sql[:place])
                    inside = self._sql[place:at]
                    return before is not None and before[1] in _WITH_FROM and "select" not in inside
                depth -= 1
        return False


def _bare(name: str) -> str:
    return name if name.isidentifier() else _SIGNS.sub("", name)
