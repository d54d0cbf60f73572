"""Which environment variables a text of a project reads, by the calls of `env_var` that stand in it.

dbt itself tells only of those that it came across while it parsed, and no defaults; the text tells of all of them, as
long as their names are written out.
"""

import re
from collections.abc import Iterable, Iterator

from headgate.domain.sql_text import without_jinja_comments
from headgate.domain.variables import COMPUTED

_CALL = re.compile(r"\benv_var\s*\(\s*")
_TEXT = re.compile(r"(['\"])((?:(?!\1)[^\\]|\\.)*)\1\s*")
_NONE = re.compile(r"none\s*\)", re.IGNORECASE)
_EXPRESSION = re.compile(r"[^)]*")


def env_reads(text: str) -> Iterator[tuple[str, str | None]]:
    """(name, default) of each call; the default is None where there is none, its source where it is no plain text.

    A call whose name is not written out is `COMPUTED`.
    """
    if "env_var" not in text:
        return
    text = without_jinja_comments(text)
    for call in _CALL.finditer(text):
        name = _TEXT.match(text, call.end())
        yield (name[2], _default(text, name.end())) if name else (COMPUTED, "")


def _default(text: str, at: int) -> str | None:
    if text[at : at + 1] != ",":
        return None
    at = len(text) - len(text[at + 1 :].lstrip())
    if _NONE.match(text, at):
        return None
    found = _TEXT.match(text, at)
    if found and text[found.end() : found.end() + 1] == ")":
        return found[2]
    expression = _EXPRESSION.match(text, at)
    return f"{{{{ {expression[0].strip()} }}}}" if expression else ""


def reads_of(texts: Iterable[str]) -> dict[str, str | None]:
    """Of all these texts: name -> default. A name that one of them reads without a default has none."""
    found: dict[str, str | None] = {}
    for text in texts:
        for name, default in env_reads(text):
            found[name] = default if found.get(name, default) is not None else None
    return dict(sorted(found.items()))


def env_names(jinja: str) -> tuple[str, ...]:
    """The names alone, sorted."""
    return tuple(sorted({name for name, _ in env_reads(jinja)}))
