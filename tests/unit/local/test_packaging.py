"""Zips depend on content alone."""

import hashlib
import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

from headgate_local.errors import DeployFailedError
from headgate_local.packaging import package, zip_folder
from headgate_local.places import Places
from headgate_local.template import Artifact, ArtifactKind


def test_the_same_content_is_the_same_zip(tmp_path: Path) -> None:
    folder = tmp_path / "function"
    (folder / "deep" / "__pycache__").mkdir(parents=True)
    (folder / "app.py").write_text("x = 1\n")
    (folder / "deep" / "more.py").write_text("y = 2\n")
    (folder / "deep" / "__pycache__" / "more.pyc").write_bytes(b"compiled")
    first = zip_folder(folder)
    os.utime(folder / "app.py", (1, 1))
    assert zip_folder(folder) == first
    assert zipfile.ZipFile(io.BytesIO(first)).namelist() == ["app.py", "deep/more.py"]
    (folder / "app.py").write_text("x = 2\n")
    assert zip_folder(folder) != first


def test_a_layer_is_laid_out_as_the_emulator_would_unpack_it(tmp_path: Path) -> None:
    places = Places(tmp_path)
    places.make()
    requirements = tmp_path / "layer" / "requirements.txt"
    (tmp_path / "layer" / "mine").mkdir(parents=True)
    (tmp_path / "layer" / "mine" / "__init__.py").write_text("x = 1\n")
    requirements.write_text("# nothing\n")
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    installed = places.build / f"layer-{digest}"
    (installed / "theirs").mkdir(parents=True)
    (installed / "theirs" / "__init__.py").write_text("y = 2\n")
    with zipfile.ZipFile(installed.with_suffix(".zip"), "w") as archive:
        archive.writestr("python/theirs/__init__.py", "y = 2\n")

    def files(folder: Path) -> dict[str, bytes]:
        return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    content = package(places, tmp_path, Artifact(ArtifactKind.LAYER, "layer"))
    unpacked = places.unpacked / hashlib.sha256(content).hexdigest()[:32]
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path / "expected")
    assert files(unpacked) == files(tmp_path / "expected")
    assert len(files(unpacked)) == 2
    (tmp_path / "layer" / "mine" / "__init__.py").write_text("x = 3\n")
    package(places, tmp_path, Artifact(ArtifactKind.LAYER, "layer"))
    assert [folder.name for folder in places.unpacked.iterdir()] != [unpacked.name]
    assert len(list(places.unpacked.iterdir())) == 1


def test_a_state_machine_is_uploaded_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "machine.yaml").write_text("StartAt: A\nTimeoutSeconds: ${Seconds}\n")
    content = package(Places(tmp_path), tmp_path, Artifact(ArtifactKind.DEFINITION, "machine.yaml"))
    assert content == b"StartAt: A\nTimeoutSeconds: ${Seconds}\n"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployFailedError, match="functions/none"):
        package(Places(tmp_path), tmp_path, Artifact(ArtifactKind.CODE, "functions/none"))
