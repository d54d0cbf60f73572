"""Which parses a bundle has, what a project's files read, and secrets where dbt would write them down."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.bundle import METADATA, BundleMetadata, named
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job
from headgate.domain.variables import parse_digest
from headgate.errors import ProjectError
from headgate_cli.bundle import build
from headgate_cli.bundle.dbt_parse import Parse
from headgate_cli.bundle.env_vars import reads_in, settings_reads, unset
from headgate_cli.bundle.project import read_project
from headgate_cli.bundle.wanted import common, of_jobs

ENVIRONMENT = Environment(
    "production",
    "prod",
    "analytics",
    variables={"DBT_REGION": "eu", "DBT_SIZE": "1"},
    secrets={"TOKEN": "warehouse/prod#token", "HOST": "warehouse/prod#host"},
)
FILES = {
    "dbt_project.yml": "name: shop\nprofile: shop\nvars: {v: \"{{ env_var('DBT_IN_PROJECT', 'd') }}\"}\n",
    "profiles.yml": "shop: {outputs: {prod: {type: postgres, host: \"{{ env_var('HOST') }}\", "
    "password: \"{{ env_var('DBT_ENV_SECRET_P') }}\"}}}\n",
    "models/a.sql": "select '{{ env_var('DBT_REGION') }}', '{{ env_var('DBT_NOWHERE') }}'",
    "data/a.csv": "{{ env_var('DBT_OF_DATA') }}\n",
}


def job(name: str = "finance", *lines: str, **fields: Any) -> Job:
    return Job(name, "production", lines or ("dbt build",), **fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "shop" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "shop"


class Dbt:
    """In the place of dbt: it reads DBT_REGION while it parses, and leaves an empty manifest."""

    def __init__(self, *read: str) -> None:
        self.read = frozenset(read)
        self.given: list[tuple[str, Mapping[str, str], Mapping[str, str]]] = []

    def __call__(
        self, _project: Any, _target: str, text: str, secrets: Any, scratch: Path, _cache: Any, _dbt: Any,
        plain: Mapping[str, str],
    ) -> Parse:  # fmt: skip
        self.given.append((text, secrets, plain))
        scratch.mkdir(parents=True)
        for name in ("manifest", "parse"):
            (scratch / name).write_text(
                '{"metadata": {"dbt_schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json"}, "nodes": {}}'
            )
        return Parse(scratch / "manifest", scratch / "parse", "", self.read)


def made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, dbt: Dbt, *jobs: Job
) -> tuple[dict[str, Path], tuple[str, ...]]:
    monkeypatch.setattr(build, "parse_project", dbt)
    bundle = build.build_bundle(
        folder,
        ENVIRONMENT,
        build.variables_of(jobs, "production"),
        scratch=folder.parent / "scratch",
        cache=folder.parent,
        jobs=jobs,
        secrets=lambda references: dict.fromkeys(references, "value"),
    )
    return dict(bundle.files), bundle.unset


def indexes(files: Mapping[str, Path]) -> set[str]:
    return {name.split("/")[0] for name in files if name.endswith("/index.msgpack")}


def test_a_job_s_own_variable_that_dbt_reads_makes_a_parse_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbt = Dbt("DBT_REGION")
    own = job(variables={"DBT_REGION": "us"}, secrets={"HOST": "warehouse/other#host"})
    files, unset_ = made(
        folder, monkeypatch, dbt, own, job("other"), job("same", variables={"DBT_REGION": "us"})
    )
    assert [plain["DBT_REGION"] for _, _, plain in dbt.given] == ["eu", "us", "us"]
    assert [set(secrets) for _, secrets, _ in dbt.given] == [{"TOKEN", "HOST"}] * 3
    digests = [
        parse_digest("{}", {}),
        parse_digest("{}", {"DBT_REGION": "=us", "HOST": "#warehouse/other#host"}),
        parse_digest("{}", {"DBT_REGION": "=us"}),
    ]
    assert indexes(files) == set(digests)
    read = [
        Index.decode(files[named(digest, "index.msgpack")].read_bytes()).env_vars or {} for digest in digests
    ]
    assert all(set(one) == {"DBT_REGION", "DBT_IN_PROJECT", "HOST"} for one in read)
    assert len({one["DBT_REGION"] for one in read}) == 2
    assert read[0]["DBT_IN_PROJECT"] == ""
    metadata = BundleMetadata.from_json(files[METADATA].read_bytes())
    assert dict(metadata.parses) == dict.fromkeys(digests, "{}")
    assert metadata.reads["DBT_IN_PROJECT"] == "d"
    assert unset_ == ("DBT_ENV_SECRET_P", "DBT_NOWHERE")


def test_what_dbt_does_not_read_needs_no_parse_of_its_own(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dbt = Dbt("DBT_REGION")
    files, _ = made(folder, monkeypatch, dbt, job(variables={"DBT_SIZE": "2"}))
    assert len(dbt.given) == 1
    assert indexes(files) == {parse_digest("{}", {})}


def test_each_set_of_vars_and_variables_is_parsed_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dbt = Dbt("DBT_REGION")
    line = """dbt build --vars '{"a": 1}'"""
    us = {"DBT_REGION": "us"}
    made(folder, monkeypatch, dbt, job("a", line, variables=us), job("b", line, variables=us), job("c", line))
    assert sorted((text, plain["DBT_REGION"]) for text, _, plain in dbt.given) == [
        ('{"a": 1}', "eu"), ('{"a": 1}', "us"), ("{}", "eu"), ("{}", "us"),
    ]  # fmt: skip


@pytest.mark.parametrize("read", [("TOKEN",), ("DBT_REGION", "TOKEN")])
def test_a_secret_that_a_model_reads_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, read: tuple[str, ...]
) -> None:
    with pytest.raises(ProjectError, match="TOKEN is a secret, and something else than profiles"):
        made(folder, monkeypatch, Dbt(*read))


def test_a_host_is_no_secret_that_anybody_hides(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert made(folder, monkeypatch, Dbt("HOST"))[0]


def test_a_secret_in_dbt_project_yml_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "dbt_project.yml"
    path.write_text(path.read_text().replace("DBT_IN_PROJECT", "TOKEN"))
    with pytest.raises(ProjectError, match="TOKEN is a secret"):
        made(folder, monkeypatch, Dbt())


def test_what_the_files_read(folder: Path) -> None:
    project = read_project(folder)
    assert reads_in(project) == {
        "DBT_ENV_SECRET_P": None, "DBT_IN_PROJECT": "d", "DBT_NOWHERE": None, "DBT_REGION": None, "HOST": None,
    }  # fmt: skip
    assert settings_reads(project) == {"HOST", "DBT_IN_PROJECT"}


def test_what_one_job_sets_is_not_missing_everywhere(folder: Path) -> None:
    reads = reads_in(read_project(folder))
    everybody = list(common(ENVIRONMENT, {"": "{}"}))
    assert "DBT_NOWHERE" in unset(reads, everybody)
    assert "DBT_NOWHERE" not in unset(
        reads, [*everybody, *of_jobs(ENVIRONMENT, [job(variables={"DBT_NOWHERE": ""})])]
    )
