"""Turns the template's folders into the files that CloudFormation wants: zips, and the state machine as it is.

Zips are the same for the same content, so their digests can name them. The layer is built for the interpreter
at hand, whatever runtime the template names: on a laptop it is the emulator's Python that runs the Lambdas.
"""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from headgate_local.errors import DeployFailedError, NotSetUpError
from headgate_local.places import Places
from headgate_local.template import Artifact, ArtifactKind

EPOCH = (1980, 1, 1, 0, 0, 0)
LEFT_OUT = ("__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache")
FILE_MODE = 0o644 << 16


def package(places: Places, root: Path, artifact: Artifact) -> bytes:
    """The content to upload for an artifact of the template in ``root``.

    Raises DeployFailedError when the path does not exist.
    """
    path = root / artifact.path
    if not path.exists():
        raise DeployFailedError(f"the template names {artifact.path}, which is not there")
    if artifact.kind is ArtifactKind.DEFINITION:
        return path.read_bytes()
    if artifact.kind is ArtifactKind.LAYER and (path / "requirements.txt").exists():
        return layer_zip(places, path)
    return zip_folder(path)


def zip_folder(folder: Path, prefix: str = "") -> bytes:
    """A zip of a folder's files that depends on nothing but their names and content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        _add(archive, folder, prefix)
    return buffer.getvalue()


def layer_zip(places: Places, folder: Path) -> bytes:
    """Dependencies (built once for each requirements.txt) and the packages beside it, below ``python/``."""
    dependencies = _dependencies(places, folder / "requirements.txt")
    packages = sorted(package_file.parent for package_file in folder.glob("*/__init__.py"))
    buffer = io.BytesIO(dependencies.with_suffix(".zip").read_bytes())
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for source in packages:
            _add(archive, source, f"python/{source.name}/")
    content = buffer.getvalue()
    _unpack_ahead(places, content, dependencies, packages)
    return content


def digest_of(content: bytes) -> str:
    """The name of an upload, and of the folder in which the emulator keeps it unpacked."""
    return hashlib.sha256(content).hexdigest()[:32]


def _unpack_ahead(places: Places, content: bytes, dependencies: Path, packages: list[Path]) -> None:
    """Lay out what the emulator would unpack at the first call: five thousand files are seconds then, and
    links are nothing now. Layers of earlier code go."""
    unpacked = places.unpacked / digest_of(content)
    if unpacked.exists():
        return
    for earlier in places.unpacked.glob("*/python"):
        shutil.rmtree(earlier.parent)
    partial = unpacked.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(dependencies, partial / "python", copy_function=os.link)
    for source in packages:
        shutil.copytree(source, partial / "python" / source.name, ignore=shutil.ignore_patterns(*LEFT_OUT))
    partial.rename(unpacked)


def _add(archive: zipfile.ZipFile, folder: Path, prefix: str, *, with_compiled: bool = False) -> None:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and (with_compiled or not set(LEFT_OUT) & set(inside.parts)):
            entry = zipfile.ZipInfo(f"{prefix}{inside.as_posix()}", EPOCH)
            entry.external_attr = FILE_MODE
            archive.writestr(entry, path.read_bytes(), archive.compression, compresslevel=1)


def _dependencies(places: Places, requirements: Path) -> Path:
    """The folder with everything installed; its zip lies beside it. Built when either is missing."""
    digest = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()[:16]
    target = places.build / f"layer-{digest}"
    finished = target.with_suffix(".zip")
    if not (finished.exists() and target.is_dir()):
        for earlier in places.build.glob("layer-*"):
            shutil.rmtree(earlier) if earlier.is_dir() else earlier.unlink()
        _install(places, requirements, target)
        partial = finished.with_suffix(".partial")
        with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
            _add(archive, target, "python/", with_compiled=True)
        partial.rename(finished)
    return target


def _install(places: Places, requirements: Path, target: Path) -> None:
    """Install with compiled modules whose validity does not hang on file times, which a zip loses."""
    uv = places.bin_folder / "uv"
    if not uv.exists():
        raise NotSetUpError(f"{uv} is missing: run `make setup`")
    result = subprocess.run(
        [
            uv, "pip", "install", "--quiet", "--require-hashes", "--compile-bytecode",
            "--python", places.emulator_python, "--target", target, "-r", requirements,
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYC_INVALIDATION_MODE": "UNCHECKED_HASH"},
    )  # fmt: skip
    if result.returncode != 0:
        raise DeployFailedError(f"the layer's dependencies do not install: {result.stderr.strip()}")
