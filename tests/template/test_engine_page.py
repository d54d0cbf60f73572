"""docs/engine.md names a test for every fault it answers: each of them exists under that name."""

from __future__ import annotations

import re

import pytest

from headgate.domain.error_class import BUILT_IN, ErrorClass
from tests.template.cloudformation import ROOT

ENGINE = (ROOT / "docs" / "engine.md").read_text()
ROWS = {int(number): rest for number, rest in re.findall(r"^\| F(\d+) (.*)$", ENGINE, re.MULTILINE)}
ASKED_FOR = (*range(1, 23), *range(25, 30))


def named_tests(row: str) -> list[tuple[str, str]]:
    """(file, test) of a row; `::name` alone belongs to the file before it, a file alone means all of its tests."""
    found, file = [], ""
    for path, name in re.findall(r"`([\w/]*(?:\.py)?)(?:::(\w+))?`", row):
        file = path or file
        if file.endswith(".py"):
            found.append((file, name))
    return found


def test_the_table_has_every_row_that_the_engine_answers() -> None:
    assert sorted(ROWS) == sorted(ASKED_FOR)


@pytest.mark.parametrize("number", sorted(ROWS))
def test_every_fault_names_tests_that_exist(number: int) -> None:
    tests = named_tests(ROWS[number])
    assert tests
    for file, name in tests:
        text = (ROOT / "tests" / file).read_text()
        assert re.search(rf"\bdef {name or 'test_'}|^{name or 'def'} = ", text, re.MULTILINE), (
            f"{file}::{name}"
        )


@pytest.mark.parametrize("error_class", BUILT_IN, ids=lambda found: found.name)
def test_every_class_of_errors_is_explained(error_class: ErrorClass) -> None:
    assert re.search(rf"^\|[\w, ]*\b{error_class.name}\b", ENGINE, re.MULTILINE)


def test_what_is_to_be_typed_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"`make (\w+)`", ENGINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
    for module in set(re.findall(r"-m benchmarks\.(\w+)`", ENGINE)):
        assert (ROOT / "benchmarks" / f"{module}.py").exists()
