"""What a step leaves equals what one dbt invocation leaves, word for word: every verb, every way to fail.

The same commands go to plain dbt and to runners, each in a database of its own. After each of them results, messages,
tables and what the hooks saw are compared. The project is tests/fixtures/facets.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.integration.runner_stage import Stage, stage

FACETS = Path(__file__).parents[1] / "fixtures" / "facets"
SCRIPT = Path(__file__).parent / "plain_dbt.py"
# Names of one length: what hooks see of the compiled code is its length.
PLAIN, OURS = "facets_p", "facets_o"
KEPT = ("status", "message", "failures", "compiled", "relation_name", "adapter_response", "batch_results")
SLOW = "--exclude path:models/fast"


@dataclass(frozen=True)
class Turn:
    """One command. broken: what fails in it. day: which rows there are. twists: one for each runner."""

    command: str
    broken: str = ""
    day: int = 1
    twists: tuple[str, ...] = ("", "")
    again: bool = False

    @property
    def variables(self) -> dict[str, str]:
        return {"FACETS_BROKEN": self.broken, "FACETS_DAY": str(self.day)}


@dataclass(frozen=True)
class Left:
    """What a command left behind."""

    results: dict[str, dict[str, Any]]
    tables: dict[str, tuple[int, str]]
    noted: Counter[tuple[str, ...]]
    invocations: set[tuple[str, str]] = field(compare=False)

    @property
    def statuses(self) -> dict[str, str]:
        return {node: result["status"] for node, result in self.results.items()}

    @property
    def messages(self) -> dict[str, str]:
        return {node: result["message"] for node, result in self.results.items()}


def said(entries: Any) -> dict[str, dict[str, Any]]:
    """Each node's result without times, thread names and places of files."""

    def clean(text: str) -> str:
        text = re.sub(rf"\b({PLAIN}|{OURS})\b", "facets", text)
        return re.sub(r"compiled code at [^\s\"\\]+", "compiled code", text)

    ephemeral = ("model.facets.inlined", "model.facets.inlined_twice")
    found = {entry["unique_id"]: {name: entry[name] for name in KEPT} for entry in entries}
    return {
        node: json.loads(clean(json.dumps(result)))
        for node, result in sorted(found.items())
        if node not in ephemeral
    }


def left(postgres: Any, database: str, entries: Any) -> Left:
    rows = postgres.query(database, "delete from analytics_audit.log returning *")
    noted = Counter(tuple(row[:4]) for row in rows)
    return Left(said(entries), postgres.checksums(database), noted, {tuple(row[4:]) for row in rows})


@contextmanager
def plain_dbt(scratch: Path) -> Iterator[Any]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(FACETS), str(scratch)],
        env=kept, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    asked, answers = process.stdin, process.stdout
    assert asked is not None
    assert answers is not None

    def ask(command: list[str], variables: dict[str, str]) -> Any:
        print(json.dumps({"command": command, "variables": variables}), file=asked, flush=True)
        answer = json.loads(answers.readline())
        assert answer["results"] is not None, answer["exception"]
        return answer["results"]

    try:
        yield ask
    finally:
        asked.close()
        process.wait(30)


def plainly(postgres: Any, scratch: Path, turns: list[Turn]) -> list[Left]:
    """The turns by plain dbt."""
    env = postgres.database(PLAIN)
    found = []
    with plain_dbt(scratch) as ask:
        for turn in turns:
            command = ["retry"] if turn.again else shlex.split(turn.command)[1:]
            found.append(left(postgres, PLAIN, ask(command, env | turn.variables)))
    return found


def by_runners(postgres: Any, on: Stage, turns: list[Turn]) -> list[Left]:
    """The turns by runners."""
    found: list[Left] = []
    for turn in turns:
        retry_of = on.key[0] if turn.again else None
        on.build(turn.command, turn.twists, retry_of, **turn.variables)
        assert on.unfinished == set()
        found.append(left(postgres, OURS, on.run_results()["results"]))
    return found


def compare(postgres: Any, scratch: Path, turns: list[Turn]) -> list[Left]:
    """Both, beside each other; what is equal, turn by turn."""
    with stage(postgres.database(OURS)) as on, ThreadPoolExecutor() as beside:
        plain = beside.submit(plainly, postgres, scratch / "plain", turns)
        on.publish(FACETS, scratch / "bundle")
        ours = by_runners(postgres, on, turns)
    for turn, expected, found in zip(turns, plain.result(), ours, strict=True):
        assert found.results == expected.results, turn
        assert found.noted == expected.noted, turn
        assert found.tables == expected.tables, turn
        assert len(found.invocations) == len(expected.invocations) == 1, turn
    return ours


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "bundle").mkdir()
    (tmp_path / "plain").mkdir()
    return tmp_path


def test_each_verb_does_over_runners_what_it_does_in_one_process(postgres: Any, scratch: Path) -> None:
    run = f"dbt run {SLOW}"
    turns = [
        Turn("dbt seed", twists=("",)),
        Turn(run, broken="base,ephemeral,batch", twists=("", "", "")),
        Turn(run, again=True),
        Turn("dbt snapshot"),
        Turn(f"dbt test {SLOW}", broken="test"),
    ]
    _, failed, again, _, tested = compare(postgres, scratch, turns)

    assert failed.statuses["model.facets.daily"] == "partial success"
    assert "inlined" in failed.messages["model.facets.counted_more"]
    assert again.messages["model.facets.daily"] == "SUCCESS"
    assert len(again.results["model.facets.daily"]["batch_results"]["successful"]) > 1
    assert set(tested.statuses.values()) == {"pass", "warn", "fail", "success"}


def test_a_build_over_runners_skips_warns_and_goes_on_as_one_process_does(
    postgres: Any, scratch: Path
) -> None:
    turns = [
        Turn(f"dbt build {SLOW}", twists=("",)),
        Turn(f"dbt build {SLOW}", broken="test,ephemeral", day=2, twists=("", "", "")),
        Turn("dbt build --warn-error --full-refresh --select base+ appended", day=2),
        Turn("dbt build --select wide_1+", broken="hook"),
        Turn(
            "dbt build --fail-fast --select path:models/fast",
            twists=("never:model.facets.sleeps", "never:model.facets.fails"),
        ),
    ]
    *_, warned, unopened, fast = compare(postgres, scratch, turns)

    assert warned.statuses["model.facets.on_base"] == "skipped"
    opened = {node: status for node, status in unopened.statuses.items() if not node.startswith("operation.")}
    assert set(opened.values()) == {"skipped"}
    assert fast.messages["model.facets.sleeps"] == "Skipping due to fail_fast"
