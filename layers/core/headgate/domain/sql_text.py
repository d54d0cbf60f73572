"""Model code taken apart: SQL, Jinja, strings and comments, and a form in which only what means something is left.

Jinja comes first, as in dbt: a string may hold an expression, an expression may hold strings. Where the text can be
read in two ways (a backslash before a quote, a quote that is never closed, `#`), it is left as it is: two codes that
differ must never be taken for the same, two that are the same may be taken for different.
"""

import re
from dataclasses import dataclass

_JINJA_STRING = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
_JINJA = (
    rf"\{{\{{(?:{_JINJA_STRING}|[^'\"}}]|\}}(?!\}}))*+\}}\}}"
    rf"|\{{%(?:{_JINJA_STRING}|[^'\"%]|%(?!\}}))*+%\}}"
    r"|\{#(?:[^#]|#(?!\}))*+#\}"
)
_PART = re.compile(
    "("
    rf"{_JINJA}"
    rf"|--(?:[^\n{{]|{_JINJA}|\{{)*+"
    rf"|/\*(?:[^*{{]|{_JINJA}|\{{|\*(?!/))*+\*/"
    rf"|'(?:[^'{{]|''|{_JINJA}|\{{)*+'"
    rf"|\"(?:[^\"{{]|\"\"|{_JINJA}|\{{)*+\""
    r"|`[^`{]*+`"
    r"|\$(?:[A-Za-z_]\w*)?\$"
    r"|\[(?:[^\[\]'\"`{}\-/]|-(?!-)|/(?!\*))*+\]"
    ")",
    re.DOTALL,
)
_INSIDE = re.compile(_JINJA, re.DOTALL)
# What the parts above should have taken: the text is not what it seems.
_LEFT_OVER = re.compile(r"""['"`#\\]|\{[{%]|/\*|\*/""")
_TWO_READINGS = ("\\'", '\\"', "'''", '"""', "endraw")
# Text that a block catches may be used as data: its white space counts.
_CAUGHT = ("endset", "endcall", "endfilter")
# Whatever else an expression renders may be the start of a comment, which the next line break ends.
_RENDERS_NAME = re.compile(r"\{\{-?\s*(?:ref|source|this|config)\b")
_STRINGS = re.compile(_JINJA_STRING, re.DOTALL)


@dataclass(frozen=True, slots=True)
class CodeText:
    """One node's code. normal: the same for two codes only if they do the same.

    sql: the SQL alone, in lower case: strings as `''`, expressions as `{}`, no comments, no statements. jinja: what is
    inside expressions and statements, strings included. doubtful: it can be read in two ways, so all of it is in both.
    """

    normal: str
    sql: str
    jinja: str
    doubtful: bool = False


def read_code(text: str) -> CodeText:
    """Never fails: what cannot be taken apart comes back whole."""
    if any(sign in text for sign in _TWO_READINGS):
        return _doubtful(text)
    parts = _PART.split(text)
    normal, sql, jinja = _Normal(), [], []
    for at, part in enumerate(parts):
        if not at % 2:
            if _LEFT_OVER.search(part):
                return _doubtful(text)
            normal.add(part)
            sql.append(part)
            continue
        first = part[:2]
        if first in ("{{", "{%"):
            normal.keep(part)
            jinja.append(part)
            sql.append("{}" if first == "{{" else " ")
        elif first == "{#":
            continue
        elif part[0] == "$":
            # A dollar quote may hold anything: what it is the start of is not looked for.
            return _doubtful(text)
        else:
            holds = "{" in part and _INSIDE.findall(part)
            jinja += holds or ()
            if first in ("--", "/*"):
                if holds or part[2:3] in ("+", "!"):
                    normal.keep(part + "\n")
                else:
                    normal.add(" ")
                sql.append(" ")
            else:
                normal.keep(part)
                sql.append("''" if first[0] == "'" else part)
    found = text.strip() if any(sign in text for sign in _CAUGHT) else normal.text()
    return CodeText(found, "".join(sql).lower(), "".join(jinja))


def without_jinja_comments(text: str) -> str:
    """A macro's text: what it renders may be compared or split, so white space counts."""
    if "{#" not in text:
        return text.strip()
    return _INSIDE.sub(lambda found: "" if found[0].startswith("{#") else found[0], text).strip()


def without_strings(jinja: str) -> str:
    return _STRINGS.sub("''", jinja)


def _doubtful(text: str) -> CodeText:
    return CodeText(text.strip(), text.lower(), text, doubtful=True)


class _Normal:
    """Puts the normal form together: kept parts as they are, between them single spaces where there were any."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._gap = ""
        self._line_counts = False

    def add(self, text: str) -> None:
        self._gap += text

    def keep(self, part: str) -> None:
        self._close()
        if part[0] == "{":
            self._line_counts = part[1] == "{" and not _RENDERS_NAME.match(part)
            part = _collapsed_jinja(part)
        self._parts.append(part)

    def text(self) -> str:
        self._close()
        return "".join(self._parts).strip()

    def _close(self) -> None:
        gap, self._gap = self._gap, ""
        if not gap:
            return
        head, line, rest = gap.partition("\n") if self._line_counts else ("", "", gap)
        if line:
            self._line_counts = False
            self._parts.append(_collapsed(head) + "\n")
        self._parts.append(_collapsed(rest if line else gap))


def _collapsed(text: str) -> str:
    words = " ".join(text.split())
    if not words:
        return " " if text else ""
    words = f"{' ' * text[0].isspace()}{words}{' ' * text[-1].isspace()}"
    return words.replace(" ,", ",").replace(", ", ",").replace("( ", "(").replace(" )", ")")


def _collapsed_jinja(part: str) -> str:
    if not ("  " in part or "\n" in part or "\t" in part):
        return part
    pieces = re.split(f"({_JINJA_STRING})", part, flags=re.DOTALL)
    return "".join(piece if at % 2 else _one_space(piece) for at, piece in enumerate(pieces))


def _one_space(text: str) -> str:
    words = " ".join(text.split())
    return f"{' ' * text[:1].isspace()}{words}{' ' * (bool(words) and text[-1:].isspace())}"
