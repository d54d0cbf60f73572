"""`headgate publish` with real dbt: what makes a bundle another one, what is in it, and what stops it."""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from headgate.adapters.memory.world import MemoryWorld
from headgate.domain.bundle import INDEX, MANIFEST, PARTIAL_PARSE, PROJECT
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate_cli.app import app

PLAIN = Command("build").vars_digest
MODEL = Path("models/marts/finance/fct_orders.sql")

Publish = Callable[..., Any]


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld()


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What one machine remembers between its publishes: shared, as it is on a laptop, and much faster."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture
def publish(world: MemoryWorld, shop_project: Path, state: Path, monkeypatch: pytest.MonkeyPatch) -> Publish:
    """`publish()` runs the command on the test's own copy of the shop."""
    for name in [name for name in os.environ if name.startswith(("DBT_", "SHOP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(shop_project)
    (shop_project / ".headgate").symlink_to(state)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, ["publish", *arguments], obj=world, catch_exceptions=False)

    return run


def digest(result: Any) -> str:
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["digest"])


def read(world: MemoryWorld, found: str, name: str) -> bytes:
    return world.bundles.read(found, name)


def archive(world: MemoryWorld, found: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(io.BytesIO(read(world, found, PROJECT)))


def test_an_unchanged_project_is_the_same_bundle_and_an_edit_is_another(
    publish: Publish, world: MemoryWorld, shop_project: Path, state: Path
) -> None:
    first = digest(publish("--json"))
    assert world.jobs.bundle_of("production") == first
    packed = read(world, first, PROJECT)

    # As in a fresh clone: nothing remembered, every file of another moment, leftovers of a local dbt.
    for path in state.rglob(PARTIAL_PARSE):
        path.unlink()
    for path in shop_project.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    (shop_project / "target").mkdir()
    (shop_project / "target" / "manifest.json").write_text("{}")
    (shop_project / ".env").write_text("PASSWORD=secret")
    again = json.loads(publish("--json").stdout)
    assert (again["digest"], again["changed"]) == (first, False)

    model = shop_project / MODEL
    good = model.read_text()
    model.write_text(good + "\n-- one more line\n")
    edited = digest(publish("--json"))
    assert edited != first
    assert world.jobs.bundle_of("production") == edited
    assert read(world, edited, PROJECT) != packed

    model.write_text(good)
    assert digest(publish("--json")) == first
    assert world.jobs.bundle_of("production") == first


def test_what_is_in_a_bundle(publish: Publish, world: MemoryWorld, shop_project: Path) -> None:
    jobs_file = shop_project / "headgate.yml"
    text = (
        jobs_file.read_text().replace("schema: analytics", "schema: lake").replace("threads: 4", "threads: 7")
    )
    jobs_file.write_text(text)
    settings = shop_project / "dbt_project.yml"
    settings.write_text(
        settings.read_text()
        + "\nflags:\n  fail_fast: true\n  state_modified_compare_more_unrendered_values: true\n"
    )
    found = digest(publish("--json"))

    names = archive(world, found).namelist()
    assert names == sorted(names)
    assert "dbt_project.yml" in names
    assert not [
        name for name in names if name.startswith((".", "target/", "logs/")) or name == "headgate.yml"
    ]
    assert {entry.date_time for entry in archive(world, found).infolist()} == {(1980, 1, 1, 0, 0, 0)}

    profiles = YAML(typ="safe").load(archive(world, found).read("profiles.yml"))["shop"]["outputs"]
    assert (profiles["prod"]["schema"], profiles["prod"]["threads"]) == ("lake", 7)
    assert profiles["dev"]["schema"] == "dev"
    assert "env_var('DBT_ENV_SECRET_SHOP_PG_PASSWORD'" in profiles["prod"]["password"]
    assert "schema: analytics" in (shop_project / "profiles.yml").read_text(), (
        "the project itself was changed"
    )

    index = Index.decode(read(world, found, f"{PLAIN}/{INDEX}"))
    orders = index.nodes["model.shop.fct_orders"]
    assert orders.schema == "lake_finance"
    assert index.fail_fast
    assert index.compare_unrendered
    manifest = json.loads(read(world, found, f"{PLAIN}/{MANIFEST}"))
    assert (
        manifest["nodes"]["model.shop.fct_orders"]["relation_name"]
        == '"postgres"."lake_finance"."fct_orders"'
    )
    assert read(world, found, f"{PLAIN}/{PARTIAL_PARSE}")

    metadata = json.loads(read(world, found, "bundle.json"))
    assert (metadata["digest"], metadata["target"], metadata["schema"]) == (found, "prod", "lake")
    assert metadata["parses"] == {PLAIN: "{}"}


def test_each_vars_of_the_environment_s_jobs_is_parsed(
    publish: Publish, world: MemoryWorld, shop_project: Path
) -> None:
    jobs_file = shop_project / "headgate.yml"
    variables = '{"last_day": "2026-04-30"}'
    with_vars = f"dbt build --vars '{variables}'"
    text = jobs_file.read_text()
    jobs_file.write_text(
        text.replace("      - dbt build\n", f'      - "{with_vars.replace(chr(34), chr(92) + chr(34))}"\n', 1)
    )
    found = digest(publish("--json"))
    command = Command.parse(with_vars)
    assert json.loads(read(world, found, "bundle.json"))["parses"] == {
        PLAIN: "{}",
        command.vars_digest: variables,
    }
    assert Index.decode(read(world, found, f"{command.vars_digest}/{INDEX}")).nodes


def test_an_environment_variable_that_a_model_reads_makes_another_bundle(
    publish: Publish, shop_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shop_project / MODEL
    # A number is nothing that planning reads, so that only the variable itself can tell.
    model.write_text("{{ config(fetch_size=env_var('DBT_SIZE', '1') | int) }}\n" + model.read_text())
    small = digest(publish("--json"))
    monkeypatch.setenv("DBT_SIZE", "1000")
    assert digest(publish("--json")) != small


def test_the_environment_s_secrets_are_there_while_dbt_parses(
    publish: Publish, world: MemoryWorld, shop_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"host": "127.0.0.1", "port": "5432", "user": "u", "password": "p", "dbname": "lake"}
    alone = publish("--json")
    assert (
        "parsing with this shell's variables alone: the secret warehouse/shop does not exist" in alone.stderr
    )
    world.secrets.values["warehouse/shop"] = keys
    found = digest(publish("--json"))
    assert found != digest(alone)
    orders = Index.decode(read(world, found, f"{PLAIN}/{INDEX}")).nodes["model.shop.fct_orders"]
    assert orders.relation_name == '"lake"."analytics_finance"."fct_orders"'
    monkeypatch.setenv("SHOP_PG_DATABASE", "mine")
    orders = Index.decode(read(world, digest(publish("--json")), f"{PLAIN}/{INDEX}")).nodes[
        "model.shop.fct_orders"
    ]
    assert orders.database == "mine"


def test_a_project_that_does_not_parse_is_told_in_dbt_s_words_and_nothing_moves(
    publish: Publish, world: MemoryWorld, shop_project: Path
) -> None:
    world.jobs.point_at("production", "before")
    model = shop_project / MODEL
    model.write_text("select 1 as a,\n  {{ ref('fct_ordres') }\n")
    result = publish()
    assert result.exit_code == 2
    assert str(MODEL) in result.stderr
    assert "line 2" in result.stderr
    assert "Traceback" not in result.stderr
    assert world.jobs.bundle_of("production") == "before"
    assert not world.bundles._files


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("headgate.yml", "target: prod", "target: prd", "has no target 'prd'.*Did you mean prod"),
        ("dbt_project.yml", "profile: shop", "profile: shopp", "has no profile 'shopp'.*Did you mean shop"),
        ("profiles.yml", "shop:", "shop: :", r"profiles.yml:\d+  not a YAML file"),
        ("dbt_project.yml", "name: shop", "nome: shop", "the project has no name"),
        ("headgate.yml", "threads: 4", "thraeds: 4", r"headgate.yml:15  .*Did you mean threads"),
    ],
    ids=["target", "profile", "yaml", "name", "jobs file"],
)
def test_what_cannot_be_published_is_said_before_dbt_starts(
    publish: Publish, world: MemoryWorld, shop_project: Path, file: str, old: str, new: str, message: str
) -> None:
    path = shop_project / file
    path.write_text(path.read_text().replace(old, new, 1))
    result = publish()
    assert result.exit_code == 2
    assert re.search(message, result.stderr, re.DOTALL), result.stderr
    assert not world.bundles._files


def test_a_missing_variable_is_told_with_how_to_mend_it(publish: Publish, shop_project: Path) -> None:
    profiles = shop_project / "profiles.yml"
    profiles.write_text(
        profiles.read_text().replace("env_var('SHOP_PG_USER', 'postgres')", "env_var('SHOP_PG_USER')")
    )
    result = publish()
    assert result.exit_code == 2
    assert "'SHOP_PG_USER'" in result.stderr
    assert "Set it for this command" in result.stderr


def test_no_profiles_no_project_no_environment(publish: Publish, shop_project: Path) -> None:
    (shop_project / "profiles.yml").unlink()
    result = publish()
    assert (result.exit_code, "no profiles.yml beside dbt_project.yml" in result.stderr) == (2, True)
    result = publish("--environment", "prodution")
    assert (result.exit_code, "Did you mean production?" in result.stderr) == (5, True)
    (shop_project / "dbt_project.yml").unlink()
    result = publish()
    assert (result.exit_code, "there is no dbt project in" in result.stderr) == (2, True)
    (shop_project / "headgate.yml").unlink()
    assert publish().exit_code == 5
