"""Asks real dbt for the answers that our selection must give, and keeps them as data: `make selection-cases`.

    python -m tests.selection_cases.regenerate

Writes cases/<project>.json for each manifest in tests/fixtures/manifests, after parsing the projects that are in this
repository once more. The questions are those of written.py and random ones (always the same). dbt answers by the
command `dbt ls` itself (ask.py), for projects and for public manifests alike: it is given the stored manifest and a
stand-in for the project's folder. The installed dbt is 1.11; what needs the method `selector:` is asked of the dbt
1.12 in the environment DBT_1_12 (a Python interpreter), which make gets for this purpose, and marked so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import yaml
from dbt.config.selectors import SelectorDict

from headgate.domain.manifest import read_manifest
from tests.selection_cases import expressions, standin
from tests.selection_cases.strip import dumped, stripped
from tests.selection_cases.written import TYPES, WRITTEN

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
MANIFESTS = REPOSITORY / "tests/fixtures/manifests"
PARSED = {"shop": REPOSITORY / "examples/shop", "kinds": REPOSITORY / "tests/fixtures/kinds"}
RANDOM_CASES = 60
SELECTORS = 24
Question = dict[str, Any]


def main() -> None:
    with TemporaryDirectory() as folder:
        home = Path(folder)
        for name, project in PARSED.items():
            (MANIFESTS / f"{name}.json").write_text(dumped(stripped(parse(project, home / name))))
        for place in sorted(MANIFESTS.glob("*.json")):
            cases = cases_of(place, home / "asked" / place.stem)
            (HERE / "cases" / f"{place.stem}.json").write_text(lines(cases))
            print(f"{place.stem}: {len(cases['cases'])} cases")


def parse(project: Path, home: Path) -> dict[str, Any]:
    """The manifest that `dbt parse` writes."""
    shutil.copytree(project, home, ignore=shutil.ignore_patterns("target", "logs", ".user.yml"))
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SHOP_"))}
    command = [
        Path(sys.executable).parent / "dbt",
        "--quiet",
        "parse",
        "--project-dir",
        home,
        "--profiles-dir",
        home,
    ]
    subprocess.run(command, check=True, env={**kept, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"})
    found: dict[str, Any] = json.loads((home / "target/manifest.json").read_text())
    return found


def cases_of(place: Path, home: Path) -> dict[str, Any]:
    """The project's selectors as people write them and as dbt's manifest has them, and every case."""
    manifest = json.loads(place.read_text())
    chance, words = Random(place.stem), expressions.vocabulary(read_manifest(place.read_bytes()))
    written = HERE / "selectors" / f"{place.stem}.yml"
    selectors = expressions.definitions(chance, words, SELECTORS)
    selectors += [{"name": name, **_plain(entry)} for name, entry in manifest["selectors"].items()]
    written.write_text(yaml.safe_dump({"selectors": selectors}, sort_keys=False, width=110))
    project = standin.make_project(home / "project", manifest, written)
    state = standin.make_state(home / "state", manifest)
    before, now = standin.loads_of(manifest)
    standin.write_sources(state / "sources.json", manifest, before)
    standin.write_sources(project / "target/sources.json", manifest, now)
    asked = [*questions(chance, words), *about_tests(manifest), *by_selector(chance, selectors)]
    cases = with_answers(asked, ask(sys.executable, place, project, state, asked))
    newer = by_method(chance, words, selectors)
    answers = ask(os.environ["DBT_1_12"], place, project, state, newer)
    cases += [{**case, "dbt": "1.12"} for case in with_answers(newer, answers)]
    normalised = SelectorDict.parse_from_selectors_list(yaml.safe_load(written.read_text())["selectors"])
    return {"selectors": normalised, "cases": cases}


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key in ("definition", "description")}


def questions(chance: Random, words: Sequence[str]) -> list[Question]:
    asked: list[Question] = [{"select": select, "exclude": exclude} for select, exclude in WRITTEN]
    asked += [{"types": list(kinds), "without": list(without)} for kinds, without in TYPES]
    asked += [{"select": [f"{word}{plus}"]} for word in expressions.STATES for plus in ("", "+")]
    every = [*words, *expressions.STATES]
    for number in range(RANDOM_CASES):
        question: Question = {"indirect": chance.choice(expressions.MODES)}
        question["select"] = expressions.selection(chance, every) if chance.random() < 0.9 else []
        question["exclude"] = expressions.selection(chance, words) if chance.random() < 0.4 else []
        question |= {"types": ["test", "model"]} if number % 10 == 0 else {}
        asked.append(question)
    return asked


def about_tests(manifest: Mapping[str, Any]) -> list[Question]:
    """Of tests with several parents: one parent selected, all by one criterion, each by its own."""
    asked: list[Question] = []
    for _unique_id, test in sorted(manifest["nodes"].items()):
        parents = [_named(parent) for parent in sorted(set(test.get("depends_on", {}).get("nodes", ())))]
        if test["resource_type"] == "test" and len(parents) > 1:
            for mode in expressions.MODES[1:3]:
                asked.append({"select": [" ".join(parents)], "indirect": mode})
                asked += [{"select": [parent], "indirect": mode} for parent in parents]
                asked.append({"select": [f"+{parents[0]},{parents[0]} {parents[1]}"], "indirect": mode})
    return asked[:40]


def _named(unique_id: str) -> str:
    kind, _package, name = unique_id.split(".", 2)
    return f"source:{name}" if kind == "source" else name


def by_selector(chance: Random, selectors: Sequence[Mapping[str, Any]]) -> list[Question]:
    return [{"selector": one["name"], "indirect": chance.choice(expressions.MODES)} for one in selectors]


def by_method(chance: Random, words: Sequence[str], selectors: Sequence[Mapping[str, Any]]) -> list[Question]:
    """Questions with the method `selector:`."""
    names = [f"selector:{one['name']}" for one in selectors] + ["selector:s0*"]
    return [
        {
            "select": expressions.selection(chance, [*names, *names, *chance.sample(list(words), 5)]),
            "indirect": chance.choice(expressions.MODES),
            "types": chance.choice(([], [], ["model", "test"])),
        }
        for _ in range(20)
    ]


def ask(
    python: str, manifest: Path, project: Path, state: Path, asked: Sequence[Question]
) -> list[dict[str, Any]]:
    """dbt's answers, in the order of the questions."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    told = subprocess.run(
        [python, HERE / "ask.py", manifest, project, state],
        input="".join(json.dumps(question) + "\n" for question in asked),
        env=kept,
        capture_output=True,
        text=True,
        check=False,
    )
    answers = [json.loads(line) for line in told.stdout.splitlines()]
    if len(answers) != len(asked):
        raise SystemExit(f"dbt ended early: {told.stderr[-2000:]}")
    return answers


def with_answers(asked: Sequence[Question], answers: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cases; questions that dbt cannot answer are left out."""
    return [
        {**{word: value for word, value in question.items() if value}, "nodes": answer["nodes"]}
        for question, answer in zip(asked, answers, strict=True)
        if "nodes" in answer
    ]


def lines(cases: Mapping[str, Any]) -> str:
    """One case per line; nodes by their place in the sorted list of all that are selected somewhere."""
    ids = sorted({node for case in cases["cases"] for node in case["nodes"]})
    place = {unique_id: number for number, unique_id in enumerate(ids)}
    rows = [json.dumps({**case, "nodes": [place[node] for node in case["nodes"]]}) for case in cases["cases"]]
    selectors = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in cases["selectors"].items()]
    return (
        '{"ids": [\n' + ",\n".join(map(json.dumps, ids)) + '\n],\n"selectors": {\n' + ",\n".join(selectors)
        + '\n},\n"cases": [\n' + ",\n".join(rows) + "\n]}\n"
    )  # fmt: skip


if __name__ == "__main__":
    main()
