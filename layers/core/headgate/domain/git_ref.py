"""What a bundle was published from: the name of a branch, or the full digest of a commit."""

import re
from collections.abc import Iterable

from headgate.domain.first_of import first_of
from headgate.errors import InputError

LONGEST_REF = 200
LISTED_REFS = 10
# The characters and sequences that git itself refuses in a name (git check-ref-format), and a leading minus.
_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^[-/.]|[/.]$|\.lock$")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def check_ref(ref: str) -> str:
    """The name as it was given. Raises InputError."""
    if len(ref) > LONGEST_REF or not ref.isprintable() or _REFUSED.search(ref) or ref in ("", "@"):
        raise InputError(
            f"{ref[:50]!r} is not a git branch or commit: a name such as main or feature/orders, at most "
            f"{LONGEST_REF} characters, or the full digest of a commit"
        )
    return ref


def is_commit(ref: str) -> bool:
    """Whether it is a commit's full digest."""
    return _COMMIT.fullmatch(ref) is not None


def unknown_ref(environment: str, ref: str, known: Iterable[str]) -> str:
    """Nothing was published from `ref`: so in words, with what is known. Branches come first."""
    names = sorted(known, key=lambda name: (is_commit(name), name))
    have = (
        f"known are {first_of(names, LISTED_REFS)}"
        if names
        else "no bundle of it names a branch or commit yet"
    )
    return f"nothing was published for the environment {environment!r} from {ref!r}: {have}"
