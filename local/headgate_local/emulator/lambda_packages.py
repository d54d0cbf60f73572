"""Code and layers are unpacked once for each content, not once for each cold start.

ministack unpacks a function's zip and all its layers into a temporary folder whenever it starts a process.
With a layer of some tens of megabytes that is most of a cold start, and Python would compile the layer's
modules every time. Here a zip is unpacked under the digest of its content and linked; compiled modules stay
beside it for the next process.
"""

import hashlib
import os
import shutil
import threading
import zipfile
from pathlib import Path
from typing import Any, ClassVar

from ministack.core import lambda_runtime

from headgate_local.emulator.anchors import MissingAnchorError, anchor


class _CachedZip(zipfile.ZipFile):
    """Unpacks into the cache and links the cached folder to where the emulator wants it."""

    cache: ClassVar[Path]
    lock: ClassVar[threading.Lock] = threading.Lock()

    def extractall(self, path: Any = None, members: Any = None, pwd: bytes | None = None) -> None:
        wanted = Path(path)
        if members is not None or any(wanted.iterdir()):
            super().extractall(path, members, pwd)
            return
        with Path(str(self.filename)).open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()[:32]
        unpacked = self.cache / digest
        with self.lock:
            if not unpacked.is_dir():
                self._unpack(unpacked)
        wanted.rmdir()
        wanted.symlink_to(unpacked, target_is_directory=True)

    def _unpack(self, target: Path) -> None:
        partial = target.with_suffix(f".{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        super().extractall(partial)
        partial.rename(target)


class _Zipfile:
    """The zipfile module as lambda_runtime uses it."""

    ZipFile = _CachedZip

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def install(cache: Path) -> None:
    if anchor(lambda_runtime, "zipfile") is not zipfile:
        raise MissingAnchorError("lambda_runtime.zipfile is no longer the standard module")
    cache.mkdir(parents=True, exist_ok=True)
    _CachedZip.cache = cache
    lambda_runtime.zipfile = _Zipfile()
