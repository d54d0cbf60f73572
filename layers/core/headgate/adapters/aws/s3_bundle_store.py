"""Published projects in S3: `bundles/<digest>/<name>`. Keys are content digests, so nothing is ever overwritten."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.adapters.aws.s3_objects import Objects
from headgate.domain.bundle import METADATA
from headgate.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# A runner unpacks a bundle on its own 20 GiB disk and a Lambda reads its index: larger is a mistake.
MAX_BYTES = 512 * 1024 * 1024
# What is read at once into memory: an index of 10,000 nodes has about a hundredth of this.
MAX_READ_BYTES = 200 * 1024 * 1024


class S3BundleStore:
    """BundleStore on one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._objects = Objects(client, bucket)

    def put(self, digest: str, files: Mapping[str, Path]) -> None:
        """Raises InputError for a file that is too large, before anything is uploaded."""
        for name, path in files.items():
            if path.stat().st_size > MAX_BYTES:
                raise InputError(
                    f"{name} has {path.stat().st_size >> 20} MiB; a bundle's file has at most 512 MiB"
                )
        # The metadata last: where it is, the rest is too.
        for name in sorted(files, key=lambda name: (name == METADATA, name)):
            if not self._objects.exists(_key(digest, name)):
                self._objects.upload(_key(digest, name), files[name])

    def fetch(self, digest: str, name: str, target: Path) -> None:
        try:
            self._objects.download(_key(digest, name), target)
        except NotFoundError as fault:
            raise NotFoundError(f"bundle {digest} has no {name}") from fault

    def read(self, digest: str, name: str) -> bytes:
        try:
            return self._objects.get(_key(digest, name), most=MAX_READ_BYTES)
        except NotFoundError as fault:
            raise NotFoundError(f"bundle {digest} has no {name}") from fault


def _key(digest: str, name: str) -> str:
    return f"bundles/{digest}/{name}"
