"""YAML 1.2 with line numbers: plain values for the models, and the line of every key for the messages.

The YAML 1.2 rules matter: `on` and `no` stay words, as a reader expects.
"""

import io
from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.reader import ReaderError

from headgate.errors import JobsFileError, NotFoundError, Problem

Place = tuple[Hashable, ...]

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class Document:
    """A parsed file. `lines`: 1-based line of each key or list item, by its place ("jobs", "finance", "run", 0)."""

    file: str
    values: Any
    lines: dict[Place, int]
    repeated: list[tuple[Place, int]] = field(default_factory=list)

    def line(self, place: Place) -> int:
        """The line of the nearest written thing: of the key itself, or of what should have held it."""
        while place:
            for written in (place, (*place[:-1], str(place[-1]))):  # a name may be written as a number
                if written in self.lines:
                    return self.lines[written]
            place = place[:-1]
        return 1

    def problem(self, place: Place, message: str) -> Problem:
        return Problem(self.file, self.line(place), dotted(place), message)


def dotted(place: Place) -> str:
    """`jobs.finance.run[0]`, as people name it; the file itself when the place is empty."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "file"


def read_document(path: Path, called: str = "jobs file", option: str = "--file") -> Document:
    """called, option: for messages, what the file is and how another one is named.

    Raises NotFoundError without the file, JobsFileError when it is not a YAML text.
    """
    text = _text(path, called, option)
    try:
        lines, repeated, values = _parsed(text)
    except ReaderError as fault:
        raise _unreadable(path, text.count("\n", 0, fault.position) + 1, str(fault.reason)) from fault
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        what = ", ".join(part for part in (fault.context, fault.problem) if part)
        raise _unreadable(path, mark.line + 1 if mark else 1, what) from fault
    except (YAMLError, ValueError, RecursionError) as fault:
        raise _unreadable(
            path, 1, str(fault).splitlines()[0] if str(fault) else "nested too deeply"
        ) from fault
    return Document(str(path), values, lines, repeated)


def _parsed(text: str) -> tuple[dict[Place, int], list[tuple[Place, int]], Any]:
    """Lines, what is there twice, and values: of one parse, which is most of the time that a reading takes."""
    loader = _loader()
    constructor, parser = loader.get_constructor_parser(io.StringIO(text))
    found = Document("", None, {})
    try:
        root = constructor.composer.get_single_node()
        if root is None:
            return {}, [], None
        _index(root, (), found, set())  # before values are made, which resolves merge keys in place
        return found.lines, found.repeated, constructor.construct_document(root)
    finally:
        parser.dispose()


def _loader() -> YAML:
    loader = YAML(typ="safe", pure=True)
    loader.allow_duplicate_keys = True  # found with their lines by _index, all of them and not only the first
    return loader


def _text(path: Path, called: str, option: str) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as fault:
        raise NotFoundError(f"there is no {called} {path}; name another one with {option}") from fault
    except OSError as fault:
        raise NotFoundError(f"the {called} {path} cannot be read: {fault.strerror}") from fault
    if len(content) > MAX_BYTES:
        raise _unreadable(path, 1, f"larger than {MAX_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content.count(b"\n", 0, fault.start) + 1
        raise _unreadable(path, line, f"not UTF-8 text (byte 0x{content[fault.start]:02x})") from fault


def _unreadable(path: Path, line: int, what: str) -> JobsFileError:
    return JobsFileError([Problem(str(path), line, "file", f"not a YAML file: {what}")])


def _index(node: Node, place: Place, document: Document, seen: set[int]) -> None:
    if id(node) in seen:  # an alias: its lines are those of the anchor
        return
    seen.add(id(node))
    if isinstance(node, MappingNode):
        _index_mapping(node, place, document, seen)
    elif isinstance(node, SequenceNode):
        for position, item in enumerate(node.value):
            document.lines[(*place, position)] = item.start_mark.line + 1
            _index(item, (*place, position), document, seen)


def _index_mapping(node: MappingNode, place: Place, document: Document, seen: set[int]) -> None:
    for key, value in node.value:
        name = key.value if isinstance(key, ScalarNode) else "?"
        inner, line = (*place, name), key.start_mark.line + 1
        if inner in document.lines and name != "<<":
            document.repeated.append((inner, line))
            continue
        document.lines[inner] = line
        _index(value, inner, document, seen)
