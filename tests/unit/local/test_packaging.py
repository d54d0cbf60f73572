"""Zips depend on content alone."""

import io
import os
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


def test_a_state_machine_is_uploaded_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "machine.yaml").write_text("StartAt: A\nTimeoutSeconds: ${Seconds}\n")
    content = package(Places(tmp_path), tmp_path, Artifact(ArtifactKind.DEFINITION, "machine.yaml"))
    assert content == b"StartAt: A\nTimeoutSeconds: ${Seconds}\n"


def test_a_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DeployFailedError, match="functions/none"):
        package(Places(tmp_path), tmp_path, Artifact(ArtifactKind.CODE, "functions/none"))
