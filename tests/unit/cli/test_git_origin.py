"""publish: which branch and commit a bundle is remembered by, in real repositories of git."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.bundle import Bundle
from headgate.errors import InputError, NotFoundError
from headgate_cli.git_origin import GitOrigin, origin_of

BUNDLE = Bundle(digest="ef" * 32, files={}, nodes=1, size=1)
WHO = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com", "-c", "commit.gpgsign=false"]


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), *WHO, *words],  # noqa: S607
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository whose dbt project is a folder of it."""
    project = tmp_path / "dbt"
    project.mkdir()
    git(tmp_path, "init", "--quiet", "--initial-branch", "feature/orders")
    (project / "model.sql").write_text("select 1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "--quiet", "--message", "First")
    return project


def test_a_clean_project_is_remembered_by_branch_and_commit(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    found = origin_of(repository)
    assert found == GitOrigin("feature/orders", commit)
    assert found.refs == ("feature/orders", commit)
    assert found.in_words == f"feature/orders at {commit[:12]}"


@pytest.mark.parametrize("name", ["model.sql", "new.sql"])
def test_what_is_not_committed_is_no_commit_s(repository: Path, name: str) -> None:
    (repository / name).write_text("select 2")
    found = origin_of(repository)
    assert (found.is_dirty, found.refs) == (True, ("feature/orders",))
    assert found.in_words.endswith("with changes that are not committed")


def test_changes_beside_the_project_are_none_of_its_business(repository: Path) -> None:
    (repository.parent / "notes.txt").write_text("x")
    assert not origin_of(repository).is_dirty


def test_a_folder_that_the_repository_ignores_is_at_no_commit_of_it(repository: Path) -> None:
    (repository.parent / ".gitignore").write_text("/copy/")
    copy = repository.parent / "copy"
    copy.mkdir()
    (copy / "model.sql").write_text("select 3")
    assert origin_of(copy) == GitOrigin()
    assert origin_of(copy, "main").refs == ("main",)


def test_a_detached_head_has_no_branch_unless_it_is_told(repository: Path) -> None:
    commit = git(repository, "rev-parse", "HEAD")
    git(repository, "checkout", "--quiet", "--detach")
    assert origin_of(repository).refs == (commit,)
    assert origin_of(repository, "main").refs == ("main", commit)


def test_outside_a_repository_only_what_is_told_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert origin_of(tmp_path) == GitOrigin()
    assert (origin_of(tmp_path).refs, origin_of(tmp_path).in_words) == ((), "")
    assert origin_of(tmp_path, "main").refs == ("main",)
    with pytest.raises(InputError):
        origin_of(tmp_path, "--upload-pack=x")
    monkeypatch.setenv("PATH", "")
    assert origin_of(tmp_path) == GitOrigin()


def test_a_repository_without_a_commit_is_none_yet(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    assert origin_of(tmp_path) == GitOrigin()


def test_publishing_remembers_the_refs_also_of_what_was_published_before(
    headgate: Any, world: Any, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.jobs._bundles.clear()
    (repository / "headgate.yml").write_text(
        "version: 1\nenvironments: {production: {target: prod, schema: analytics}}\n"
    )
    git(repository, "add", ".")
    git(repository, "commit", "--quiet", "--message", "Jobs")
    monkeypatch.chdir(repository)
    monkeypatch.setattr("headgate_cli.bundle.build.build_bundle", lambda *_, **__: BUNDLE)
    first = json.loads(headgate("publish", "--json").stdout)
    commit = git(repository, "rev-parse", "HEAD")
    assert (first["changed"], first["git"]["refs"]) == (True, ["feature/orders", commit])
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "Nothing new")
    second = json.loads(headgate("publish", "--json", "--git-ref", "v2").stdout)
    assert (second["changed"], second["git"]["branch"]) == (False, "v2")
    for ref in ("feature/orders", commit, "v2", git(repository, "rev-parse", "HEAD")):
        assert world.jobs.bundle_from("production", ref) == first["digest"]
    with pytest.raises(NotFoundError):
        world.jobs.bundle_from("production", "main")
