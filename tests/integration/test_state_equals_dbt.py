"""`state:` from two indexes selects what dbt selects from two manifests, edit by edit, in every one of its methods."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from headgate.domain.index import Index
from headgate.domain.manifest import read_manifest
from headgate.domain.state import ASPECTS, Comparison
from tests.integration.oracle import PROJECTS
from tests.integration.project_edits import BREAKING, EDITS, UNRENDERED_SINCE, more

MANIFESTS = Path(__file__).parents[1] / "fixtures" / "manifests"
SCRIPT = Path(__file__).parent / "dbt_state_oracle.py"


class Edited:
    """A project that is edited and parsed, edit by edit, by one dbt process."""

    def __init__(self, home: Path) -> None:
        self.project, self._home, self._parses = home / "project", home, 0
        shutil.copytree(
            PROJECTS["kinds"], self.project, ignore=shutil.ignore_patterns("target", "logs", ".user.yml")
        )
        self._log = (home / "dbt.log").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(self.project), str(home / "target")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={name: value for name, value in os.environ.items() if not name.startswith("DBT_")},
            text=True,
        )

    def parse(self, after: str, *against: Path) -> tuple[Path, list[dict[str, Any]]]:
        """The folder of the manifest of the project as it is now, and dbt's answers beside each of these folders."""
        self._parses += 1
        folder = self._home / f"parse-{self._parses}"
        found = self._ask({"keep": str(folder), "against": [str(other) for other in against]}, after)
        return folder, [found[str(other)] for other in against]

    def compare(self, manifest: Path, *against: Path) -> list[dict[str, Any]]:
        """dbt's answers for a manifest beside each of these. Only after a parse."""
        found = self._ask(
            {"manifest": str(manifest), "against": [str(other) for other in against]}, manifest.name
        )
        return [found[str(other)] for other in against]

    def _ask(self, query: dict[str, Any], after: str) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(query), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            self._log.seek(0)
            raise AssertionError(f"dbt ended early, after {after}: {self._log.read()[-3000:]}")
        found: dict[str, Any] = json.loads(line)
        return found

    def close(self) -> None:
        self._process.communicate(timeout=60)
        self._log.close()


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    edited = Edited(tmp_path_factory.mktemp("state"))
    more(edited.project)
    yield edited
    edited.close()


def index_of(folder: Path, unrendered: bool = False) -> Index:
    index = read_manifest((folder / "manifest.json").read_bytes())
    return replace(index, compare_unrendered=unrendered)


def ours(index: Index, previous: Index) -> dict[str, Any]:
    comparison = Comparison(index, previous)
    return {
        "new": sorted(comparison.new),
        "old": sorted(comparison.old),
        "unmodified": sorted(comparison.unmodified),
        "modified": sorted(comparison.modified()),
        **{f"modified.{aspect}": sorted(comparison.modified(aspect)) for aspect in ASPECTS},
    }


def test_every_edit_is_seen_as_dbt_sees_it(edited: Edited) -> None:
    first, _ = edited.parse("nothing")
    before, unrendered, seen = first, False, set()
    indexes = {first: index_of(first)}
    wrong = []
    for name, edit in EDITS.items():
        edit(edited.project)
        unrendered |= name == UNRENDERED_SINCE
        after, answers = edited.parse(name, first, before)
        indexes[after] = index_of(after, unrendered)
        for other, answer in zip((first, before), answers, strict=True):
            found = ours(indexes[after], indexes[other])
            wrong += [
                (name, other.name, method, set(found[method]) ^ set(ids))
                for method, ids in answer.items()
                if found[method] != ids
            ]
        seen |= {method for method, ids in answers[-1].items() if ids}
        before = after
    assert not wrong
    assert seen == set(ours(indexes[first], indexes[first]))


def test_dbt_refuses_a_broken_contract_of_a_version_and_we_build_it(edited: Edited) -> None:
    before, _ = edited.parse("every edit")
    BREAKING(edited.project)
    after, [answer] = edited.parse("a broken contract", before)
    broken = ["model.kinds.settled.v1", "model.kinds.settled.v2"]
    assert "ContractBreakingChangeError" in answer["modified"]["error"]
    assert "ContractBreakingChangeError" in answer["modified.contract"]["error"]
    found = ours(index_of(after), index_of(before))
    assert found["modified"] == found["modified.contract"] == broken


def test_manifests_of_other_versions_are_compared_as_dbt_compares_them(edited: Edited) -> None:
    """One project as dbt 1.6 (v10), 1.8 and 1.12 (v12) wrote it, over the years, each beside each."""
    paths = [
        MANIFESTS / f"{name}.json" for name in ("model_versions_1.6", "jaffle_shop_1.8", "jaffle_shop_1.12")
    ]
    indexes = [replace(read_manifest(path.read_bytes()), compare_unrendered=False) for path in paths]
    edited.parse("nothing")
    for path, index in zip(paths, indexes, strict=True):
        for other, answer in zip(indexes, edited.compare(path, *paths), strict=True):
            assert ours(index, other) == answer
            assert bool(answer["modified"]) is (other is not index)
