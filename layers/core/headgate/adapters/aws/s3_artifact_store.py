"""What runs leave behind in S3: `runs/<id>/steps/<nn>/<name>`, logs in chunks below `logs/`."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.s3_objects import Objects
from headgate.domain.queue import CHUNKS_PER_EPOCH
from headgate.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_READERS = 8


class S3ArtifactStore:
    """ArtifactStore on one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._objects = Objects(client, bucket)

    def put(self, run_id: int, step: int, name: str, body: bytes) -> None:
        self._objects.put(step_prefix(run_id, step) + name, body)

    def get(self, run_id: int, step: int, name: str) -> bytes:
        try:
            return self._objects.get(step_prefix(run_id, step) + name)
        except NotFoundError as fault:
            raise NotFoundError(f"run {run_id}, step {step} has no {name}") from fault

    def append_log(
        self, run_id: int, step: int, runner: int, sequence: int, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        epoch, number = divmod(sequence, CHUNKS_PER_EPOCH)
        key = f"{step_prefix(run_id, step)}logs/runner-{runner}/{epoch}-{number:06d}.jsonl"
        self._objects.put(key, "".join(json.dumps(line, default=str) + "\n" for line in lines).encode())

    def logs(self, run_id: int, step: int) -> list[dict[str, Any]]:
        keys = sorted(self._objects.keys(f"{step_prefix(run_id, step)}logs/"), key=_order)
        with ThreadPoolExecutor(_READERS) as readers:
            bodies = list(readers.map(self._objects.get, keys))
        # JSON escapes every line end inside a message but not U+2028 and its like: split at \n only.
        lines = [json.loads(line) for body in bodies for line in body.split(b"\n") if line]
        return sorted(lines, key=lambda line: str(line.get("at", "")))


def step_prefix(run_id: int, step: int) -> str:
    """Everything one step leaves behind lies below this."""
    return f"runs/{run_id}/steps/{step:02d}/"


def _order(key: str) -> tuple[int, int, int]:
    folder, name = key.split("/")[-2:]
    epoch, number = name.removesuffix(".jsonl").split("-")
    return int(folder.removeprefix("runner-")), int(epoch), int(number)
