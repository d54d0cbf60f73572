"""Our selection gives the answers that real `dbt ls` gave: see tests/selection_cases/regenerate.py."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.adapters.selectors_file import read_selectors_file
from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.listing import listed_types
from headgate.domain.selection.resolve import Resolver
from tests.selection_cases import standin

TESTS = Path(__file__).resolve().parents[2]
CASES = TESTS / "selection_cases/cases"
PROJECTS = sorted(place.stem for place in CASES.glob("*.json"))


@cache
def manifest(project: str) -> Index:
    return read_manifest((TESTS / f"fixtures/manifests/{project}.json").read_bytes())


@cache
def cases(project: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CASES / f"{project}.json").read_text())
    return found


@cache
def resolver(project: str, written: bool) -> Resolver:
    """With the selectors as people write them, or as dbt puts them into a manifest."""
    selectors = cases(project)["selectors"]
    if written:
        selectors = dict(read_selectors_file(TESTS / f"selection_cases/selectors/{project}.yml").selectors)
    index = msgspec.structs.replace(manifest(project), selectors=selectors)
    return Resolver(index, earlier(project))


def earlier(project: str) -> Earlier:
    """Of the same imagined run that dbt was shown."""
    text = json.loads((TESTS / f"fixtures/manifests/{project}.json").read_text())
    before, now = standin.loads_of(text)
    index = read_manifest(json.dumps(standin.earlier_of(text)).encode())
    return Earlier(index, standin.statuses_of(text), before, now)


def ours(case: dict[str, Any], project: str, written: bool) -> list[str]:
    found = resolver(project, written).resolve(
        case.get("select", ()),
        case.get("exclude", ()),
        selector=case.get("selector", ""),
        indirect=case.get("indirect", ""),
        resource_types=listed_types(case.get("types", ()), case.get("without", ())),
    )
    return sorted(found.nodes)


def test_there_are_cases() -> None:
    numbers = [len(cases(project)["cases"]) for project in PROJECTS]
    assert len(numbers) >= 4
    assert sum(numbers) >= 500
    methods = {"connector"} | {
        word.lstrip("@0123456789+").partition(":")[0].partition(".")[0]
        for project in PROJECTS
        for case in cases(project)["cases"]
        for text in case.get("select", ())
        for part in text.split()
        for word in part.split(",")
        if ":" in word
    }
    from headgate.domain.selection.methods import METHODS

    assert set(METHODS) <= methods


@pytest.mark.parametrize("written", [True, False], ids=["selectors.yml", "manifest"])
@pytest.mark.parametrize("project", PROJECTS)
def test_every_case_is_answered_as_dbt_answers(project: str, written: bool) -> None:
    ids = cases(project)["ids"]
    differences = [
        f"{ {key: value for key, value in case.items() if key != 'nodes'} }: "
        f"too many {sorted(set(found) - set(expected))}, missing {sorted(set(expected) - set(found))}"
        for case in cases(project)["cases"]
        for expected in [[ids[place] for place in case["nodes"]]]
        for found in [ours(case, project, written)]
        if found != expected
    ]
    assert differences == []
