"""Whatever a file holds: it is read, or refused with problems that name a line. Nothing else ever comes out."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from headgate.adapters.jobs_file import read_jobs_files
from headgate.adapters.jobs_file.reference import mappings
from headgate.errors import JobsFileError
from tests.every_key import EVERY_KEY

KEYS = sorted({key for _, entry in mappings() for key in entry.known_keys()})
WORDS = (
    *("any", "all", "success", "push", "mon", "path", "standard", "elapsed", "2h", "07:00", "0 6 * * *"),
    *("Europe/Berlin", "production", "finance", "load_core", "finance/orders", "org/repo", "dbt build"),
    *("$.id", "{body}", "a#b", "#data"),
)  # fmt: skip
scalars = st.one_of(
    st.sampled_from(WORDS),
    st.none(),
    st.booleans(),
    st.integers(-2, 40),
    st.sampled_from([2**64, -(10**400)]),
    st.floats(allow_nan=True),
    st.dates(),
    st.text(max_size=12),
    st.binary(max_size=3),
)
keys = st.one_of(
    st.sampled_from(KEYS), st.sampled_from(["production", "finance"]), st.text(max_size=6), st.integers(0, 3)
)
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=5)),
    max_leaves=12,
)


def outcome(text: str) -> list[str]:
    """The problems, as they are told; none: the file is valid."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "headgate.yml"
        path.write_text(text, encoding="utf-8")
        try:
            read_jobs_files([path])
        except JobsFileError as fault:
            found = fault.problems
        else:
            return []
    assert found
    assert all(1 <= one.line <= text.count("\n") + 2 and one.path and one.message for one in found)
    return [str(one) for one in found]


def places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something could stand in a tree."""
    found = [place]
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*place, key))
    return found


def changed(value: Any, place: tuple[Any, ...], new: Any) -> Any:
    """`value` with something else at `place`."""
    if not place:
        return new
    key, rest = place[0], place[1:]
    if isinstance(value, dict):
        return value | {key: changed(value[key], rest, new)}
    return [changed(inner, rest, new) if at == key else inner for at, inner in enumerate(value)]


def dumped(value: Any) -> str:
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(value, stream)
    return stream.getvalue()


def part_around(place: tuple[Any, ...]) -> Any:
    """The whole file, without the other entries of the section that `place` is in: less to write and to read."""
    if len(place) < 2 or not isinstance(WHOLE[place[0]], dict):
        return WHOLE
    kept = {key: WHOLE[key] for key in ("version", "environments")}
    return kept | {place[0]: {place[1]: WHOLE[place[0]][place[1]]}}


WHOLE = YAML(typ="safe", pure=True).load(EVERY_KEY)
PLACES = places(WHOLE)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PLACES), trees)
@example(("jobs", "joined", "node_timeout"), 10**400)
@example(("jobs", "joined", "when", "schedule"), {"at": [float("nan")]})
@example(("jobs", "joined", "when"), {"gate": {"wait_for": 10**400}, "s3": {"bucket": "abc"}})
def test_anything_anywhere_in_a_file_that_uses_every_key(place: tuple[Any, ...], new: Any) -> None:
    outcome(dumped(changed(part_around(place), place, new)))


@settings(max_examples=40, deadline=None)
@given(trees)
def test_any_tree(tree: Any) -> None:
    assert outcome(dumped(tree))


@settings(max_examples=40, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("{}[]:,-\n #&*!|>'\"%@`ab?\t")), max_size=60))
@example("jobs: &a {x: *a}")
@example("version: 1\nenvironments: &a {production: *a}\njobs: [&b [*b]]")
def test_any_text(text: str) -> None:
    assert outcome(text)


@pytest.mark.parametrize(
    "key", ["priority", "node_timeout", "on_conflict", "vars", "paused", "owner", "run", "when"]
)
def test_a_number_that_has_no_decimal_text(key: str) -> None:
    text = EVERY_KEY.replace("  load_core: {", f"  load_core: {{{key}: 0x{'f' * 5_000}, ", 1)
    assert outcome(text.replace(", run: [dbt build]", "", 1) if key == "run" else text)
