"""What docs/reuse.md shows is what Headgate reads: every piece of YAML on the page goes through its reader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.domain.index import Index
from headgate.domain.job import Job
from headgate.domain.manifest import read_manifest
from headgate_cli.bundle.dbt_parse import parse_project
from headgate_cli.bundle.project import read_project
from tests.builders import fivetran_gate
from tests.conftest import REPOSITORY

PAGE = REPOSITORY / "docs" / "reuse.md"
BLOCKS = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
JOBS_FILES = [text for name, text in BLOCKS if name == "headgate.yml"]
HOUR = 3600.0


def test_every_piece_of_yaml_names_its_file() -> None:
    assert PAGE.read_text().count("```yaml") == len(BLOCKS) > 0


@pytest.fixture
def jobs(tmp_path: Path) -> dict[str, Job]:
    """The jobs of the page; of two with one name the later."""
    found = {}
    for text in JOBS_FILES:
        (tmp_path / "headgate.yml").write_text(text)
        found |= {job.name: job for job in read_jobs_file(tmp_path / "headgate.yml").jobs}
    return found


def test_the_jobs_of_the_page_are_jobs(jobs: dict[str, Job]) -> None:
    assert all(job.reuse.unchanged for job in jobs.values())
    assert jobs["fresh"].gates == (fivetran_gate("stripe", "exchange_rates"),)
    assert jobs["fresh"].run == ()
    tuned = jobs["hourly"].reuse
    assert (tuned.look_every, tuned.silent_after) == (6 * HOUR, 36 * HOUR)
    assert tuned.ignore_volatile
    assert tuned.respect_window
    assert tuned.batch_tests


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    """The page's dbt files, read from a project that dbt has parsed."""
    home = tmp_path_factory.mktemp("page")
    project = home / "project"
    models = project / "models"
    models.mkdir(parents=True)
    (project / "dbt_project.yml").write_text("name: page\nprofile: page\n")
    profile = "{type: postgres, host: h, port: 1, user: u, password: p, dbname: d, schema: s, threads: 1}"
    (project / "profiles.yml").write_text(f"page: {{target: prod, outputs: {{prod: {profile}}}}}\n")
    for name, text in BLOCKS:
        if name != "headgate.yml":
            (project / name).write_text(text)
    for model in ("weekly_report", "orders", "dim_dates"):
        (models / f"{model}.sql").write_text("select current_date as today")
    parse = parse_project(read_project(project), "prod", "{}", {}, home / "target", home / "cache")
    return read_manifest(parse.manifest.read_bytes())


def test_the_sources_of_the_page_name_their_connectors(index: Index) -> None:
    named = {n.source_name: n.connectors for n in index.nodes.values() if n.resource_type == "source"}
    assert named == {"stripe": ("stripe",), "treasury": ("exchange_rates",), "billing": ()}


def test_the_models_of_the_page_wait_as_they_say(index: Index) -> None:
    code = {node.name: node.code for node in index.nodes.values() if node.resource_type == "model"}
    assert (code["weekly_report"].build_after, code["weekly_report"].updates_on) == (4 * HOUR, "all")
    assert code["orders"].lag == 2 * HOUR
    assert code["orders"].volatile
    assert code["dim_dates"].steady
