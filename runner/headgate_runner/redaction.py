"""Secrets never leave the runner: known values are blotted out of log lines, reasons, results and artifacts."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from headgate.domain.variables import is_hidden

MASK = "*****"
# Shorter values would blot out ordinary text everywhere and give themselves away by it.
SHORTEST = 4
# A secret of several lines, such as a private key, is told line by line; its shorter lines may be anything.
SHORTEST_LINE = 16


def hidden(values: Mapping[str, str], references: Mapping[str, str]) -> list[str]:
    """Those values whose variable, or whose key in the secret, says that nobody may read them.

    values: variable -> value; references: variable -> `<secret>#<key>`, as in headgate.yml.
    """
    return [value for variable, value in values.items() if is_hidden(variable, references.get(variable, ""))]


class Redactor:
    """Replaces every known secret value, also as it looks inside JSON or a URL."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._pattern: re.Pattern[str] | None = None
        self.learn(values)

    def learn(self, values: Iterable[str]) -> None:
        """Know these values from now on."""
        for value in values:
            lines = (line.strip() for line in value.splitlines())
            for known in (value, *(line for line in lines if len(line) >= SHORTEST_LINE)):
                if len(known) >= SHORTEST:
                    self._known |= {known, json.dumps(known)[1:-1], repr(known)[1:-1], quote(known, safe="")}
        # The longest first: one secret may be the beginning of another.
        ordered = sorted(self._known, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def text(self, text: str) -> str:
        return self._pattern.sub(MASK, text) if self._pattern is not None else text

    def value(self, value: Any) -> Any:
        """The same JSON-like value with every string in it redacted."""
        if self._pattern is None:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.value(item) for item in value]
        return value
