"""A run in another schema: the profile that dbt is given."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headgate.errors import ProjectError
from headgate_runner.other_schema import use_schema
from tests.builders import make_environment

PROFILES = """
# a comment
shop:
  target: dev
  outputs:
    dev: {type: postgres, schema: dev}
    prod: {type: postgres, schema: "analytics", threads: 4, password: "{{ env_var('DBT_ENV_SECRET_X') }}"}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "dbt_project.yml").write_text("name: shop\nprofile: shop\n")
    (tmp_path / "profiles.yml").write_text(PROFILES)
    return tmp_path


def test_only_the_schema_of_the_environment_s_target_is_another_one(project: Path) -> None:
    before = yaml.safe_load(PROFILES)
    use_schema(project, make_environment(), "pr_7")
    before["shop"]["outputs"]["prod"]["schema"] = "pr_7"
    assert yaml.safe_load((project / "profiles.yml").read_text()) == before


def test_bigquery_calls_it_dataset(project: Path) -> None:
    (project / "profiles.yml").write_text("shop: {outputs: {prod: {type: bigquery, dataset: a}}}")
    use_schema(project, make_environment(), "pr_7")
    found = yaml.safe_load((project / "profiles.yml").read_text())
    assert found["shop"]["outputs"]["prod"] == {"type": "bigquery", "dataset": "pr_7"}


@pytest.mark.parametrize(
    ("profiles", "said"),
    [
        ("other: {}", "no profile 'shop'"),
        ("shop: {outputs: {prd: {}}}", "no target 'prod'.*Did you mean prd"),
        ("shop: [", "cannot be read"),
    ],
)
def test_a_profile_that_is_not_there_is_named(project: Path, profiles: str, said: str) -> None:
    (project / "profiles.yml").write_text(profiles)
    with pytest.raises(ProjectError, match=said):
        use_schema(project, make_environment(), "pr_7")
