"""Bringing a bundle into a folder of this process, without trusting the archive."""

import stat
import zlib
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from headgate.domain.bundle import METADATA, PARTIAL_PARSE, PROJECT, BundleMetadata, named
from headgate.domain.plan import Plan
from headgate.errors import InputError
from headgate.ports import BundleStore

MOST_FILES = 100_000
MOST_BYTES = 2 * 1024**3
CHUNK_BYTES = 1024**2


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a bundle lies: its project, the file of its parse, and the folder that dbt may write to."""

    project: Path
    partial_parse: Path
    target: Path


def fetch(bundles: BundleStore, plan: Plan, home: Path) -> Folders:
    """Fetch the plan's bundle, with the parse that its command's `--vars` needs, into the empty folder `home`.

    Raises NotFoundError when a part was never published, InputError when the archive is not a project, or not the one
    that the bundle is named after.
    """
    folders = Folders(home / "project", home / PARTIAL_PARSE, home / "target")
    archive = home / PROJECT
    bundles.fetch(plan.bundle, PROJECT, archive)
    bundles.fetch(plan.bundle, named(plan.parse_digest, PARTIAL_PARSE), folders.partial_parse)
    folders.target.mkdir()
    metadata = BundleMetadata.from_json(bundles.read(plan.bundle, METADATA))
    files = unpack(archive, folders.project)
    if metadata.digest != plan.bundle or not metadata.names(files):
        raise InputError(
            f"bundle {plan.bundle} holds another project than its name says: publish the project again"
        )
    return folders


def unpack(archive: Path, target: Path) -> dict[str, str]:
    """Extract `archive` below `target`; path -> sha256 of the content of each file.

    Raises InputError for anything that is not an honest zip of a project: paths that leave the folder, links,
    more files or bytes than any project has.
    """
    try:
        with ZipFile(archive) as opened:
            members = opened.infolist()
            _check(members, target)
            return _extract(opened, [member for member in members if not member.is_dir()], target)
    # The last three: cut or damaged in the middle, a method or a password that no bundle has.
    except (BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as fault:
        raise InputError(f"the bundle's {archive.name} is not a whole zip file: {fault}") from fault


def _extract(opened: ZipFile, members: list[ZipInfo], target: Path) -> dict[str, str]:
    """Counts what really comes out: what the archive says of its sizes may be a lie."""
    digests, left = {}, MOST_BYTES
    for member in members:
        path, digest = target / member.filename, sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as packed, path.open("wb") as file:
            while chunk := packed.read(CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise InputError(f"the bundle is larger than {MOST_BYTES} bytes")
                digest.update(chunk)
                file.write(chunk)
        digests[member.filename] = digest.hexdigest()
    return digests


def _check(members: list[ZipInfo], target: Path) -> None:
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise InputError(f"the bundle is larger than {MOST_FILES} files or {MOST_BYTES} bytes")
    root = target.resolve()
    for member in members:
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"the bundle holds a link, {member.filename!r}; publish the file itself")
        if not (root / member.filename).resolve().is_relative_to(root):
            raise InputError(f"the bundle holds {member.filename!r}, which leaves the project's folder")
