"""A page of the documentation as something that can be carried out: its YAML is applied, its shell commands are run."""

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# As the jobs file is read: `on` is a word.
_YAML = YAML(typ="safe", pure=True)
_HEADING = re.compile(r"^## (?P<title>.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Example:
    """One heading's worked example. jobs: those that its YAML defines, in its order."""

    title: str
    yaml: Mapping[str, Any]
    shell: str

    @property
    def jobs(self) -> list[str]:
        return list(self.yaml.get("jobs") or {})


def examples(page: Path) -> list[Example]:
    """The headings that have both a jobs file and commands."""
    return [example for example in _sections(page.read_text()) if example.jobs and example.shell]


def one_file(found: list[Example]) -> str:
    """What all the examples' fragments are together: one jobs file."""
    whole: dict[str, Any] = {"version": 1}
    for example in found:
        for key, entries in example.yaml.items():
            held = whole.setdefault(key, {})
            twice = held.keys() & entries.keys()
            assert not twice, f"{sorted(twice)} stand twice on the page"
            held |= entries
    text = io.StringIO()
    _YAML.dump(whole, text)
    return text.getvalue()


def _sections(text: str) -> Iterator[Example]:
    headings = [*_HEADING.finditer(text)]
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    for heading, end in zip(headings, ends, strict=True):
        blocks = [*_BLOCK.finditer(text, heading.end(), end)]
        fragments: dict[str, Any] = {}
        for block in blocks:
            if block["kind"] == "yaml":
                fragments |= _YAML.load(block["text"])
        yield Example(
            heading["title"],
            fragments,
            "".join(block["text"] for block in blocks if block["kind"] == "sh"),
        )
