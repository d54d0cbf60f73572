"""Bringing a bundle into a folder of this process, without trusting the archive."""

import stat
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile, ZipFile, ZipInfo

from headgate.domain.bundle import PARTIAL_PARSE, PROJECT, named
from headgate.domain.plan import Plan
from headgate.errors import InputError
from headgate.ports import BundleStore

MOST_FILES = 100_000
MOST_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a bundle lies: its project, the file of its parse, and the folder that dbt may write to."""

    project: Path
    partial_parse: Path
    target: Path


def fetch(bundles: BundleStore, plan: Plan, home: Path) -> Folders:
    """Fetch the plan's bundle, with the parse that its command's `--vars` needs, into the empty folder `home`.

    Raises NotFoundError when a part was never published, InputError when the archive is not a project.
    """
    folders = Folders(home / "project", home / PARTIAL_PARSE, home / "target")
    archive = home / PROJECT
    bundles.fetch(plan.bundle, PROJECT, archive)
    bundles.fetch(plan.bundle, named(plan.command.vars_digest, PARTIAL_PARSE), folders.partial_parse)
    folders.target.mkdir()
    unpack(archive, folders.project)
    return folders


def unpack(archive: Path, target: Path) -> None:
    """Extract `archive` below `target`.

    Raises InputError for anything that is not an honest zip of a project: paths that leave the folder, links,
    more files or bytes than any project has.
    """
    try:
        with ZipFile(archive) as opened:
            members = opened.infolist()
            _check(members, target)
            opened.extractall(target)
    except BadZipFile as fault:
        raise InputError(f"the bundle's {archive.name} is not a zip file: {fault}") from fault


def _check(members: list[ZipInfo], target: Path) -> None:
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
        raise InputError(f"the bundle is larger than {MOST_FILES} files or {MOST_BYTES} bytes")
    root = target.resolve()
    for member in members:
        if stat.S_ISLNK(member.external_attr >> 16):
            raise InputError(f"the bundle holds a link, {member.filename!r}; publish the file itself")
        if not (root / member.filename).resolve().is_relative_to(root):
            raise InputError(f"the bundle holds {member.filename!r}, which leaves the project's folder")
