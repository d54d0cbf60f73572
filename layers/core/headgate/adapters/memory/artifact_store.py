"""What runs leave behind, in memory."""

import copy
from collections.abc import Mapping, Sequence
from threading import RLock
from typing import Any

from headgate.errors import NotFoundError


class MemoryArtifactStore:
    """ArtifactStore without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._artifacts: dict[tuple[int, int, str], bytes] = {}
        self._chunks: dict[tuple[int, int], dict[tuple[int, int], list[dict[str, Any]]]] = {}

    def put(self, run_id: int, step: int, name: str, body: bytes) -> None:
        with self._lock:
            self._artifacts[run_id, step, name] = bytes(body)

    def get(self, run_id: int, step: int, name: str) -> bytes:
        with self._lock:
            if (run_id, step, name) not in self._artifacts:
                raise NotFoundError(f"run {run_id}, step {step} has no {name}")
            return self._artifacts[run_id, step, name]

    def append_log(
        self, run_id: int, step: int, runner: int, sequence: int, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        with self._lock:
            chunks = self._chunks.setdefault((run_id, step), {})
            chunks[runner, sequence] = [copy.deepcopy(dict(line)) for line in lines]

    def logs(self, run_id: int, step: int) -> list[dict[str, Any]]:
        with self._lock:
            chunks = copy.deepcopy(self._chunks.get((run_id, step), {}))
        lines = [line for _, chunk in sorted(chunks.items()) for line in chunk]
        return sorted(lines, key=lambda line: str(line.get("at", "")))
