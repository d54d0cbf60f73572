"""What no manifest tells: values of variables, the target, large seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.domain.code import Code
from headgate.domain.index import Index
from headgate_cli.bundle.project import read_project
from headgate_cli.bundle.variables import with_surroundings
from tests.builders import make_index, make_node

PROJECT = "name: shop\nprofile: shop\nvars: {since: 2020, shared: own, fx: {shared: for fx}}\n"
PACKAGE = "name: fx\nvars: {shared: fx's own, rate: 1}\n"
PROFILES = "shop: {outputs: {prod: {type: postgres, host: h, threads: 4}}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "dbt_packages" / "fx").mkdir(parents=True)
    (tmp_path / "dbt_packages" / "fx" / "dbt_project.yml").write_text(PACKAGE)
    (tmp_path / "dbt_project.yml").write_text(PROJECT)
    (tmp_path / "profiles.yml").write_text(PROFILES)
    return tmp_path


def read(folder: Path, given: str = "{}", index: Index | None = None) -> Index:
    return with_surroundings(index or make_index(), read_project(folder), target="prod", given=given)


def edited(folder: Path, name: str, old: str, new: str) -> Path:
    path = folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    return folder


def changed(before: Index, after: Index) -> set[tuple[str, str]]:
    return {
        (package, name)
        for package in before.vars
        for name in before.vars[package].keys() | after.vars[package].keys()
        if before.vars[package].get(name) != after.vars[package].get(name)
    }


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("dbt_project.yml", "since: 2020", "since: 2021", {("shop", "since"), ("fx", "since")}),
        ("dbt_project.yml", "shared: own", "shared: mine", {("shop", "shared")}),
        ("dbt_project.yml", "for fx", "for them", {("fx", "shared"), ("shop", "fx"), ("fx", "fx")}),
        ("dbt_packages/fx/dbt_project.yml", "rate: 1", "rate: 2", {("fx", "rate")}),
        ("dbt_packages/fx/dbt_project.yml", "fx's own", "another", set()),
        ("profiles.yml", "host: h", "host: other", {("shop", "target."), ("fx", "target.")}),
        ("profiles.yml", "threads: 4", "threads: 8", set()),
    ],
)
def test_each_value_has_a_digest_where_dbt_would_find_it(
    folder: Path, name: str, old: str, new: str, expected: Any
) -> None:
    before = read(folder)
    assert changed(before, read(edited(folder, name, old, new))) == expected


def test_given_variables_win(folder: Path) -> None:
    before, after = read(folder), read(folder, '{"shared": "given"}')
    assert changed(before, after) == {("shop", "shared"), ("fx", "shared")}


def test_a_seed_that_dbt_has_no_checksum_of_gets_one_of_its_file(folder: Path) -> None:
    def seeded(text: str) -> Code:
        (folder / "seeds").mkdir(exist_ok=True)
        (folder / "seeds" / "big.csv").write_text(text)
        path, code = "seeds/big.csv", Code(hidden="too large")
        index = make_index(make_node("seed.shop.big", original_file_path=path, code=code))
        return read(folder, index=index).nodes["seed.shop.big"].code

    one, other = seeded("a\n1\n"), seeded("a\n2\n")
    assert one.hidden == other.hidden == ""
    assert one.text != other.text
