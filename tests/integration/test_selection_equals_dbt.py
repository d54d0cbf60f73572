"""Selections that nobody thought of, asked of the installed dbt and of us; the answers that are kept are held in
tests/unit/selection/test_selection_cases.py.

One `dbt ls` process answers for each manifest (tests/selection_cases/ask.py): selections, selectors.yml and all modes
of selecting tests. And a few are asked the long way, of the command as people type it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.adapters.selectors_file import read_selectors_file
from headgate.adapters.state_folder import read_state_folder
from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.listing import listed_types
from headgate.domain.selection.resolve import Resolver
from tests.integration.oracle import PROJECTS
from tests.selection_cases import expressions, standin
from tests.selection_cases.regenerate import parse

REPOSITORY = Path(__file__).resolve().parents[2]
MANIFESTS = REPOSITORY / "tests/fixtures/manifests"
ASKED = ("kinds", "jaffle_shop_1.12", "model_versions_1.6")


@dataclass(repr=False)
class Asked:
    """A manifest that dbt answers questions about, beside our index of it."""

    index: Index
    earlier: Earlier
    words: list[str]
    project: Path
    process: subprocess.Popen[str]

    def dbt(self, question: dict[str, Any]) -> list[str]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        print(json.dumps(question), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        assert "error" not in answer, answer
        nodes: list[str] = answer["nodes"]
        return nodes

    def ours(self, question: dict[str, Any], index: Index | None = None) -> list[str]:
        resolver = Resolver(index or self.index, self.earlier)
        found = resolver.resolve(
            question.get("select", ()),
            question.get("exclude", ()),
            selector=question.get("selector", ""),
            indirect=question["indirect"],
            resource_types=listed_types(question.get("types", ())),
        )
        return sorted(found.nodes)


@pytest.fixture(scope="module", params=ASKED)
def asked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    home, place = tmp_path_factory.mktemp(request.param), MANIFESTS / f"{request.param}.json"
    manifest = json.loads(place.read_text())
    project = standin.make_project(home / "project", manifest, None)
    state = standin.make_state(home / "state", manifest)
    before, now = standin.loads_of(manifest)
    standin.write_sources(state / "sources.json", manifest, before)
    standin.write_sources(project / "target/sources.json", manifest, now)
    index = read_manifest(place.read_bytes())
    with (home / "dbt.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, REPOSITORY / "tests/selection_cases/ask.py", place, project, state],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment(),
            text=True,
        )
        words = [*expressions.vocabulary(index), *expressions.STATES]
        yield Asked(index, read_state_folder(state, project / "target"), words, project, process)
        process.communicate(timeout=60)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SHOP_"))}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_any_selection_selects_what_dbt_selects(asked: Asked, seed: int) -> None:
    chance = Random(seed)
    question = {
        "select": expressions.selection(chance, asked.words),
        "exclude": expressions.selection(chance, asked.words) if chance.random() < 0.4 else [],
        "indirect": chance.choice(expressions.MODES),
        "types": chance.choice(([], [], ["test", "model"], ["all"])),
    }
    assert asked.ours(question) == asked.dbt(question), question


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_any_selectors_file_selects_what_dbt_selects(asked: Asked, seed: int) -> None:
    chance = Random(seed)
    selectors = expressions.definitions(chance, asked.words, 3)
    place = asked.project / "selectors.yml"
    place.write_text(yaml.safe_dump({"selectors": selectors}))
    found = read_selectors_file(place)
    index = msgspec.structs.replace(asked.index, selectors=dict(found.selectors))
    question = {"selector": selectors[-1]["name"], "indirect": chance.choice(expressions.MODES)}
    ours, dbts = asked.ours(question, index), asked.dbt(question)
    place.unlink()
    assert ours == dbts, (question, selectors)


def test_the_default_selector_stands_in_for_a_missing_selection(asked: Asked) -> None:
    place = asked.project / "selectors.yml"
    name = next(node.name for node in asked.index.nodes.values() if node.resource_type == "model")
    text = {"selectors": [{"name": "mine", "default": True, "definition": f"+{name}"}]}
    place.write_text(yaml.safe_dump(text))
    found = read_selectors_file(place)
    index = msgspec.structs.replace(
        asked.index, selectors=dict(found.selectors), default_selector=found.default
    )
    questions = [{"indirect": "eager"}, {"indirect": "empty", "exclude": ["resource_type:test"]}]
    answers = [(asked.ours(question, index), asked.dbt(question)) for question in questions]
    place.unlink()
    assert [ours for ours, _ in answers] == [dbts for _, dbts in answers]
    assert len(answers[0][0]) < len(asked.index.nodes)


def test_the_command_itself_lists_the_same(tmp_path: Path) -> None:
    project = tmp_path / "kinds"
    index = read_manifest(json.dumps(parse(PROJECTS["kinds"], project)).encode())
    for words in (
        [],
        ["--select", "models/*,config.materialized:view+1 +exposure:*", "--exclude", "test_type:unit",
         "--resource-type", "model", "--resource-type", "test", "--indirect-selection", "buildable"],
    ):  # fmt: skip
        listed = subprocess.run(
            [Path(sys.executable).parent / "dbt", "--quiet", "ls", "--output", "json", "--output-keys", "unique_id",
             "--project-dir", project, "--profiles-dir", project, *words],
            env={**environment(), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        expected = [json.loads(line)["unique_id"] for line in listed.stdout.splitlines()]
        assert len(expected) > 5
        assert ours_of_words(index, words) == expected


def ours_of_words(index: Index, words: list[str]) -> list[str]:
    said: dict[str, list[str]] = defaultdict(list)
    for option, value in zip(words[::2], words[1::2], strict=True):
        said[option].append(value)
    found = Resolver(index).resolve(
        said["--select"],
        said["--exclude"],
        indirect="".join(said["--indirect-selection"]),
        resource_types=listed_types(said["--resource-type"]),
    )
    return sorted(found.nodes)
