"""One small function per selection method: given a criterion, it returns the test that a node must pass.

What a method means, and which kinds of resources it looks at, is dbt's (dbt.graph.selector_methods, 1.11).
"""

from collections.abc import Callable
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from headgate.domain.index import Index, Node
from headgate.domain.selection.spec import Criterion, parse
from headgate.errors import SelectionError

Match = Callable[[Node], bool]
Method = Callable[[Criterion, Index], Match]

RESOURCE_TYPES = (
    "model", "analysis", "test", "snapshot", "operation", "seed", "rpc", "sql_operation", "doc", "source",
    "macro", "exposure", "metric", "group", "saved_query", "semantic_model", "unit_test", "fixture", "function",
)  # fmt: skip
# dbt's methods that compare with an earlier run or another manifest
_NEED_STATE = ("state", "result", "source_status")
_WILDCARDS = frozenset("*?[]")


def fqn(criterion: Criterion, _index: Index) -> Match:
    """A model's name, its package, or the dotted way to it; `*` and `?` match the rest. Not for sources."""
    wanted = criterion.value

    def matches(node: Node) -> bool:
        if node.resource_type == "source" or not node.fqn:
            return False
        return _is_named(node.fqn, wanted, node.is_versioned) or _is_named(
            node.fqn[1:], wanted, node.is_versioned
        )

    return matches


def _is_named(way: tuple[str, ...], wanted: str, versioned: bool) -> bool:
    if not way or (versioned and len(way) < 2):
        return False
    # the last part of a versioned model's way is its version
    name = way[-2] if versioned else way[-1]
    asked = wanted.split(".")
    if name == wanted or (versioned and "_".join(way[-2:]) == "_".join(asked[-2:])):
        return True
    flat = [part for segment in way for part in segment.split(".")]
    if len(flat) < len(asked):
        return False
    for place, part in enumerate(asked):
        if _WILDCARDS & set(part):
            rest = fnmatchcase(".".join(flat[place:]), ".".join(asked[place:]))
            return rest or (len(asked) == 1 and fnmatchcase(name, wanted))
        if flat[place] != part:
            return False
    return True


def tag(criterion: Criterion, _index: Index) -> Match:
    return lambda node: any(fnmatchcase(name, criterion.value) for name in node.tags)


def path(criterion: Criterion, index: Index) -> Match:
    """Files and folders below the project, `**` included, as a shell would find them there.

    A node matches by its own file, by the file that describes it, or by a folder above its own file.
    """
    wanted = _glob(criterion)
    found = {place for place, is_folder in _places(index).items() if wanted(place, is_folder)}

    def matches(node: Node) -> bool:
        own = PurePosixPath(node.original_file_path)
        if own in found or any(folder in found for folder in own.parents):
            return True
        return bool(node.patch_path) and PurePosixPath(node.patch_path) in found

    return matches


def _places(index: Index) -> dict[PurePosixPath, bool]:
    """The project's files and folders as far as its nodes know them, and whether each is a folder."""
    files = {
        PurePosixPath(name)
        for node in index.nodes.values()
        if node.package_name == index.project_name
        for name in (node.original_file_path, node.patch_path)
        if name
    }
    return dict.fromkeys(files, False) | {folder: True for file in files for folder in file.parents}


def _glob(criterion: Criterion) -> Callable[[PurePosixPath, bool], bool]:
    text = criterion.value
    parts = PurePosixPath(text).parts
    if text.startswith("/") or ".." in parts:
        raise SelectionError(f"{criterion.text!r}: a path is relative to the dbt project and stays inside it")
    if any("**" in part and part != "**" for part in parts):
        raise SelectionError(f"{criterion.text!r}: '**' stands for whole folders only, as in models/**/x.sql")
    only_folders = text.endswith("/") or parts[-1:] == ("**",)
    return lambda place, is_folder: (is_folder or not only_folders) and _fits(place.parts, parts)


def _fits(place: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    if not pattern:
        return not place
    if pattern[0] == "**":
        return any(_fits(place[start:], pattern[1:]) for start in range(len(place) + 1))
    return bool(place) and fnmatchcase(place[0], pattern[0]) and _fits(place[1:], pattern[1:])


def file(criterion: Criterion, _index: Index) -> Match:
    """A file's name, with or without its ending."""

    def matches(node: Node) -> bool:
        own = PurePosixPath(node.original_file_path)
        return fnmatchcase(own.name, criterion.value) or fnmatchcase(own.stem, criterion.value)

    return matches


def package(criterion: Criterion, index: Index) -> Match:
    """A package's name; `this` is the project itself."""
    wanted = index.project_name if criterion.value == "this" and index.project_name else criterion.value
    return lambda node: fnmatchcase(node.package_name, wanted)


def source(criterion: Criterion, _index: Index) -> Match:
    """`source`, `source.table` or `package.source.table`."""
    parts = criterion.value.split(".")
    if len(parts) > 3:
        raise SelectionError(f"{criterion.text!r}: write source, source.table or package.source.table")
    wanted_package = parts[0] if len(parts) == 3 else "*"
    wanted_source, wanted_table = parts[-2:] if len(parts) > 1 else (parts[0], "*")
    return lambda node: (
        node.resource_type == "source"
        and fnmatchcase(node.package_name, wanted_package)
        and fnmatchcase(node.source_name or "", wanted_source)
        and fnmatchcase(node.name, wanted_table)
    )


def _named(resource_type: str) -> Method:
    def method(criterion: Criterion, _index: Index) -> Match:
        """`name` or `package.name` of one resource type."""
        wanted_package, _dot, name = criterion.value.rpartition(".")
        if "." in wanted_package:
            raise SelectionError(f"{criterion.text!r}: write name or package.name")
        return lambda node: (
            node.resource_type == resource_type
            and fnmatchcase(node.package_name, wanted_package or "*")
            and fnmatchcase(node.name, name)
        )

    return method


def group(criterion: Criterion, _index: Index) -> Match:
    return lambda node: (
        (node.is_parsed or node.resource_type == "metric")
        and node.group is not None
        and fnmatchcase(node.group, criterion.value)
    )


def access(criterion: Criterion, _index: Index) -> Match:
    return lambda node: node.resource_type == "model" and node.access == criterion.value


def resource_type(criterion: Criterion, _index: Index) -> Match:
    if criterion.value not in RESOURCE_TYPES:
        raise SelectionError(
            f"{criterion.text!r}: {criterion.value!r} is no resource type{_near(criterion.value, RESOURCE_TYPES)}"
        )
    return lambda node: node.resource_type == criterion.value


def config(criterion: Criterion, _index: Index) -> Match:
    """`config.<key>[.<key>…]:value`; true and false match booleans, a list matches by any of its members."""
    keys, wanted = criterion.arguments, criterion.value
    if not keys:
        raise SelectionError(f"{criterion.text!r}: write config.<key>:value, as in config.materialized:table")

    def equals(value: Any) -> bool:
        if isinstance(value, bool):
            return wanted.lower() == ("true" if value else "false")
        if keys == ("severity",) and isinstance(value, str):
            return value.lower() == wanted.lower()
        return bool(value == wanted)

    def matches(node: Node) -> bool:
        if not node.is_parsed and node.resource_type != "source":
            return False
        value: Any = node.config
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        return any(map(equals, value)) if isinstance(value, list) else equals(value)

    return matches


def name_of_test(criterion: Criterion, _index: Index) -> Match:
    """A generic test's name (`unique`), or a unit test's own name."""
    return lambda node: (
        fnmatchcase(node.test_name, criterion.value)
        if node.resource_type == "test" and node.test_name is not None
        else node.resource_type == "unit_test" and fnmatchcase(node.name, criterion.value)
    )


def type_of_test(criterion: Criterion, _index: Index) -> Match:
    """`generic`, `singular`, `unit`, or `data` for the first two (`schema` is an old word for generic)."""
    tests: dict[str, Match] = {
        "generic": lambda node: node.resource_type == "test" and node.test_name is not None,
        "singular": lambda node: node.resource_type == "test" and node.test_name is None,
        "data": lambda node: node.resource_type == "test",
        "unit": lambda node: node.resource_type == "unit_test",
    }
    tests["schema"] = tests["generic"]
    return _one_of(criterion, tests)


def version(criterion: Criterion, _index: Index) -> Match:
    """`latest`, `prerelease` or `old` versions of models, or `none` for models without versions."""
    ways: dict[str, Match] = {
        "latest": lambda node: node.version is not None and node.version == node.latest_version,
        "prerelease": lambda node: (
            bool(node.version and node.latest_version) and _is_below(node.latest_version, node.version)
        ),
        "old": lambda node: (
            bool(node.version and node.latest_version) and _is_below(node.version, node.latest_version)
        ),
        "none": lambda node: node.version is None,
    }
    matches = _one_of(criterion, ways)
    return lambda node: node.resource_type == "model" and matches(node)


def _is_below(one: Any, other: Any) -> bool:
    try:
        return float(one) < float(other)
    except ValueError:
        return str(one) < str(other)


def _one_of(criterion: Criterion, words: dict[str, Match]) -> Match:
    if criterion.value not in words:
        near = _near(criterion.value, tuple(words))
        raise SelectionError(
            f"{criterion.text!r}: {criterion.value!r} is not one of {', '.join(words)}{near}"
        )
    return words[criterion.value]


METHODS: dict[str, Method] = {
    "fqn": fqn,
    "tag": tag,
    "path": path,
    "file": file,
    "package": package,
    "source": source,
    "exposure": _named("exposure"),
    "metric": _named("metric"),
    "semantic_model": _named("semantic_model"),
    "saved_query": _named("saved_query"),
    "unit_test": _named("unit_test"),
    "group": group,
    "access": access,
    "resource_type": resource_type,
    "config": config,
    "test_name": name_of_test,
    "test_type": type_of_test,
    "version": version,
}


def match(criterion: Criterion, index: Index) -> Match:
    """The test of one criterion. Raises SelectionError for an unknown method or a value it cannot have."""
    method = METHODS.get(criterion.method)
    if method is not None:
        return method(criterion, index)
    if criterion.method in _NEED_STATE:
        raise SelectionError(
            f"{criterion.text!r}: {criterion.method}: compares with an earlier run, which steps cannot do yet"
        )
    near = _near(criterion.method, tuple(METHODS))
    raise SelectionError(f"{criterion.text!r}: {criterion.method!r} is not a selection method{near}")


def check(text: str) -> None:
    """Whether a selection text is well formed and every method exists. Raises SelectionError."""
    empty = Index()
    for part in parse([text]).parts:
        for criterion in part.criteria:
            match(criterion, empty)


def _near(word: str, words: tuple[str, ...]) -> str:
    near = get_close_matches(word, words, n=3, cutoff=0.5)
    return f"; did you mean {' or '.join(near)}?" if near else f"; there are {', '.join(words)}"
