"""Published projects in memory."""

from collections.abc import Mapping
from pathlib import Path
from threading import RLock

from headgate.errors import NotFoundError


class MemoryBundleStore:
    """BundleStore without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._files: dict[tuple[str, str], bytes] = {}

    def put(self, digest: str, files: Mapping[str, Path]) -> None:
        with self._lock:
            for name, path in files.items():
                self._files.setdefault((digest, name), path.read_bytes())

    def fetch(self, digest: str, name: str, target: Path) -> None:
        body = self.read(digest, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)

    def read(self, digest: str, name: str) -> bytes:
        with self._lock:
            if (digest, name) not in self._files:
                raise NotFoundError(f"bundle {digest} has no {name}")
            return self._files[digest, name]
