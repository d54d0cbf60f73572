"""A bundle is taken only whole and as published: what else comes is refused before dbt starts, and not tried again."""

import json
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from headgate.adapters.memory import MemoryBundleStore
from headgate.domain.bundle import METADATA, PARTIAL_PARSE, PROJECT, BundleMetadata, content_digest, named
from headgate.errors import InputError, NotFoundError
from headgate_runner import bundle
from headgate_runner.leaving import is_record
from tests.plans import plan_of

Archive = Callable[..., Path]


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    def make(**members: str) -> Path:
        path = tmp_path / "project.zip"
        with zipfile.ZipFile(path, "w") as opened:
            for name, text in members.items():
                opened.writestr(name, text)
        return path

    return make


def test_a_project_comes_out_as_it_went_in(archive: Archive, tmp_path: Path) -> None:
    path = archive(**{"dbt_project.yml": "name: shop", "models/a.sql": "select 1"})
    bundle.unpack(path, tmp_path / "project")
    assert (tmp_path / "project/models/a.sql").read_text() == "select 1"


@pytest.mark.parametrize("name", ["../outside", "models/../../outside", "/etc/outside"])
def test_a_path_that_leaves_the_folder_is_refused(archive: Archive, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="leaves the project's folder"):
        bundle.unpack(archive(**{"good": "", name: "evil"}), tmp_path / "project")
    assert not (tmp_path / "project").exists()


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("models/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "project.zip", "w") as opened:
        opened.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match="link"):
        bundle.unpack(tmp_path / "project.zip", tmp_path / "project")


def test_more_than_any_project_is_refused(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 10)
    with pytest.raises(InputError, match="larger than"):
        bundle.unpack(archive(big="x" * 11), tmp_path / "project")


@pytest.mark.parametrize("content", [b"", b"not a zip"])
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "project.zip").write_bytes(content)
    with pytest.raises(InputError, match=r"project\.zip is not a whole zip file"):
        bundle.unpack(tmp_path / "project.zip", tmp_path / "project")


def test_a_truncated_archive_is_refused(archive: Archive, tmp_path: Path) -> None:
    path = archive(**{"models/a.sql": "select 1" * 1000})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(InputError, match="not a whole zip file"):
        bundle.unpack(path, tmp_path / "project")


def test_an_archive_that_was_damaged_on_its_way_is_refused(archive: Archive, tmp_path: Path) -> None:
    path = archive(**{"models/a.sql": "select 1"})
    path.write_bytes(path.read_bytes().replace(b"select 1", b"select 2"))
    with pytest.raises(InputError, match="not a whole zip file"):
        bundle.unpack(path, tmp_path / "project")


def test_a_bomb_that_lies_about_its_size_writes_no_more_than_it_says(tmp_path: Path) -> None:
    path, honest = tmp_path / "project.zip", 50 * 1024**2
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("models/a.sql", b"0" * honest)
    path.write_bytes(path.read_bytes().replace(honest.to_bytes(4, "little"), (100).to_bytes(4, "little")))
    with pytest.raises(InputError):
        bundle.unpack(path, tmp_path / "project")
    assert sum(file.stat().st_size for file in (tmp_path / "project").rglob("*.sql")) <= 100


def test_what_comes_out_is_counted_and_not_only_what_is_announced(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bundle, "MOST_BYTES", 10)
    monkeypatch.setattr(bundle, "_check", lambda *_: None)
    with pytest.raises(InputError, match="larger than"):
        bundle.unpack(archive(a="x" * 6, b="x" * 6), tmp_path / "project")


def test_a_project_of_200_mb_passes_through_little_memory(tmp_path: Path) -> None:
    path, size = tmp_path / "project.zip", 200 * 1024**2
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as opened,
        opened.open("seeds/large.csv", "w", force_zip64=True) as file,
    ):
        for _ in range(size // 1024**2):
            file.write(b"1,2,3,4\n" * (1024**2 // 8))
    tracemalloc.start()
    try:
        bundle.unpack(path, tmp_path / "project")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "project/seeds/large.csv").stat().st_size == size
    assert peak < 32 * 1024**2


# A whole bundle --------------------------------------------------------------------------------------------------


class Published:
    """A bundle in a store, whose parts a test may spoil."""

    def __init__(self, archive: Archive, folder: Path) -> None:
        self.store, self.folder = MemoryBundleStore(), folder
        self.plan = plan_of()
        said = {"target": "prod", "dbt_version": "1.11.16", "adapter": "postgres"}
        parses = {self.plan.command.vars_digest: "what the parse read"}
        files = {"dbt_project.yml": sha256(b"name: shop").hexdigest()}
        self.digest = content_digest(files, **said, parses=parses)  # type: ignore[arg-type]
        more = {"project": "shop", "environment": "production", "schema": "shop", "threads": 4}
        metadata = BundleMetadata(
            digest=self.digest,
            parses={},
            created_at="now",
            parse_digests=parses,
            **said,
            **more,  # type: ignore[arg-type]
        )
        parse = folder / "parse"
        parse.write_bytes(b"parse")
        (folder / "metadata").write_bytes(metadata.to_json())
        self.files = {
            PROJECT: archive(**{"dbt_project.yml": "name: shop"}),
            METADATA: folder / "metadata",
            named(self.plan.command.vars_digest, PARTIAL_PARSE): parse,
        }

    def change(self, **fields: Any) -> None:
        path = self.files[METADATA]
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))

    def fetch(self) -> bundle.Folders:
        self.store.put(self.digest, self.files)
        home = self.folder / "home"
        home.mkdir()
        return bundle.fetch(self.store, replace(self.plan, bundle=self.digest), home)


@pytest.fixture
def published(archive: Archive, tmp_path: Path) -> Published:
    return Published(archive, tmp_path)


def test_a_bundle_is_fetched_with_its_parse(published: Published) -> None:
    folders = published.fetch()
    assert (folders.project / "dbt_project.yml").read_text() == "name: shop"
    assert folders.partial_parse.read_bytes() == b"parse"


def test_a_project_that_is_not_what_its_name_says_is_refused(archive: Archive, published: Published) -> None:
    published.files[PROJECT] = archive(**{"dbt_project.yml": "name: other"})
    with pytest.raises(InputError, match="another project than its name says"):
        published.fetch()


def test_a_bundle_under_another_ones_name_is_refused(published: Published) -> None:
    published.change(digest="e" * 64)
    with pytest.raises(InputError, match="another project"):
        published.fetch()


def test_a_bundle_of_an_earlier_version_is_taken_on_its_word(archive: Archive, published: Published) -> None:
    published.change(parse_digests={})
    published.files[PROJECT] = archive(**{"dbt_project.yml": "name: other"})
    assert published.fetch().project.is_dir()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"digest": 1'])
def test_metadata_that_cannot_be_read_is_refused(published: Published, body: bytes) -> None:
    published.files[METADATA].write_bytes(body)
    with pytest.raises(InputError):
        published.fetch()


@pytest.mark.parametrize("part", [PROJECT, METADATA, PARTIAL_PARSE])
def test_a_missing_part_is_named(published: Published, part: str) -> None:
    published.files = {name: path for name, path in published.files.items() if not name.endswith(part)}
    with pytest.raises(NotFoundError, match=part):
        published.fetch()


@pytest.mark.parametrize("fault", [InputError("not a whole zip file"), NotFoundError("no project.zip")])
def test_a_bundle_that_cannot_be_used_halts_the_step_instead_of_being_tried_again(fault: Exception) -> None:
    assert is_record(fault)
