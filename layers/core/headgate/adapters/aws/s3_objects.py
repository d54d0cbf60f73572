"""One S3 bucket: bytes by key, errors in Headgate's words."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.errors import InputError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK = 1024 * 1024


class Objects:
    """The requests our adapters make of a bucket. Everything raises NotFoundError and UnavailableError."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client, self._bucket = client, bucket

    def exists(self, key: str) -> bool:
        try:
            with translated(key):
                self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFoundError:
            return False
        return True

    def put(self, key: str, body: bytes, *, encoding: str = "") -> None:
        """encoding: what browsers have to undo (`gzip`); `get` gives the bytes as they are."""
        with translated(key):
            if encoding:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body, ContentEncoding=encoding)
            else:
                self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def upload(self, key: str, source: Path) -> None:
        with translated(key), source.open("rb") as body:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)

    def get(self, key: str, most: int | None = None) -> bytes:
        """A whole object. Raises InputError for one of more than `most` bytes, which are all that is ever read."""
        with translated(key):
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"]
            content = body.read() if most is None else body.read(most + 1)
        if most is not None and len(content) > most:
            raise InputError(f"{key} is larger than {most >> 20} MiB")
        return content

    def download(self, key: str, target: Path) -> None:
        """A whole file or none: it appears under its name when all of it is there."""
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(target.name + ".part")
        with translated(key), partial.open("wb") as file:
            for chunk in self._client.get_object(Bucket=self._bucket, Key=key)["Body"].iter_chunks(_CHUNK):
                file.write(chunk)
        partial.replace(target)

    def keys(self, prefix: str) -> Iterator[str]:
        with translated(prefix):
            for page in self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix
            ):
                for entry in page.get("Contents", []):
                    yield entry["Key"]
