"""A bundle: a published dbt project, named by what it contains.

The digest covers what decides how the project behaves, and nothing that changes by itself: not the moment of
the parse, not dbt's invocation id, not the order in which a parse happened. So an unchanged project is the
same bundle, on whichever machine it is published.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from pathlib import Path

from headgate.errors import InputError

FORMAT = 1
SHORT = 12

PROJECT = "project.zip"
METADATA = "bundle.json"
MANIFEST = "manifest.json"
PARTIAL_PARSE = "partial_parse.msgpack"
INDEX = "index.msgpack"


@dataclass(frozen=True, slots=True)
class Bundle:
    """What is uploaded. `files`: name inside the bundle -> the file on this machine.

    unset: environment variables that the project reads without a default and that nobody sets.
    """

    digest: str
    files: Mapping[str, Path]
    nodes: int
    size: int
    dbt_version: str = ""
    unset: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """The digest as people see it."""
        return self.digest[:SHORT]


@dataclass(frozen=True, slots=True)
class BundleMetadata:
    """bundle.json: how the bundle was made. `parses`: digest of the `--vars` -> the `--vars` themselves (JSON).

    parse_digests: what `content_digest` was given of each parse; with it a reader can tell whether the project is the
    one that the bundle is named after. Empty in bundles of earlier versions. reads: environment variable that the
    project reads -> the default in its code, None without one; `*`: some whose names it computes. Not in the digest.
    """

    digest: str
    project: str
    environment: str
    target: str
    schema: str
    threads: int
    dbt_version: str
    adapter: str
    parses: Mapping[str, str]
    created_at: str
    format: int = FORMAT
    parse_digests: Mapping[str, str] = field(default_factory=dict)
    reads: Mapping[str, str | None] = field(default_factory=dict)

    @classmethod
    def from_json(cls, body: bytes) -> "BundleMetadata":
        """Raises InputError. Fields that a later version adds are ignored."""
        try:
            said = json.loads(body)
            return cls(**{one.name: said[one.name] for one in fields(cls) if one.name in said})
        except (ValueError, TypeError) as fault:
            raise InputError(f"the bundle's {METADATA} cannot be read: {fault}") from fault

    def names(self, files: Mapping[str, str]) -> bool:
        """Whether the bundle's name is that of a project with these files (path -> sha256)."""
        if not self.parse_digests:
            return True
        digest = content_digest(
            files,
            target=self.target,
            dbt_version=self.dbt_version,
            adapter=self.adapter,
            parses=self.parse_digests,
        )
        return digest == self.digest

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2, sort_keys=True).encode() + b"\n"


def named(parse: str, name: str) -> str:
    """Where a file of one parse lies in the bundle; `parse` is a command's `vars_digest`."""
    return f"{parse}/{name}"


def content_digest(
    files: Mapping[str, str], *, target: str, dbt_version: str, adapter: str, parses: Mapping[str, str]
) -> str:
    """The bundle's name: 64 hexadecimal digits.

    files: path in the project -> sha256 of its content, the rewritten profiles.yml among them. parses: digest of
    the `--vars` -> digest of the environment variables that this parse read, which no file shows.
    """
    said = {
        "format": FORMAT,
        "target": target,
        "dbt": dbt_version,
        "adapter": adapter,
        "parses": dict(parses),
        "files": dict(files),
    }
    return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()
