"""A bundle's archive is unpacked only if it is what a project's archive is."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.errors import InputError
from headgate_runner import bundle

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


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "project.zip").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"project\.zip is not a zip file"):
        bundle.unpack(tmp_path / "project.zip", tmp_path / "project")
