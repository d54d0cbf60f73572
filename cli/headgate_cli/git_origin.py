"""Where a project stands in git, so that a bundle can be asked for by branch or commit."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from headgate.domain.git_ref import check_ref

_SECONDS = 30


@dataclass(frozen=True, slots=True)
class GitOrigin:
    """branch: empty where HEAD is on none. commit: empty outside a repository. is_dirty: files are not committed."""

    branch: str = ""
    commit: str = ""
    is_dirty: bool = False

    @property
    def refs(self) -> tuple[str, ...]:
        """What the bundle may be asked for by. A commit only stands for exactly what is in it."""
        return tuple(ref for ref in (self.branch, "" if self.is_dirty else self.commit) if ref)

    @property
    def in_words(self) -> str:
        """One part of a line for people; nothing outside a repository."""
        if not self.refs and not self.commit:
            return ""
        where = f"{self.branch or 'no branch'} at {self.commit[:12]}" if self.commit else self.branch
        return where + (" with changes that are not committed" if self.is_dirty else "")


def origin_of(folder: Path, ref: str = "") -> GitOrigin:
    """How the folder's repository stands; ref: instead of the branch. Raises InputError for one that git cannot have.

    Nothing is known where git is not installed, does not trust the folder, knows no commit yet, or keeps no file of it
    (a folder that the repository ignores).
    """
    given = check_ref(ref) if ref else ""
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit or not _git(folder, "ls-files", "--", "."):
        return GitOrigin(given)
    branch = given or _git(folder, "symbolic-ref", "--short", "--quiet", "HEAD")
    return GitOrigin(branch, commit, _git(folder, "status", "--porcelain", "--", ".") != "")


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],  # noqa: S607 - whichever git the person uses
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
