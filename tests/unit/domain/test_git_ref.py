"""Names of branches and commits: what git accepts as one, and how an unknown one is answered."""

import pytest

from headgate.domain.git_ref import LONGEST_REF, check_ref, is_commit, unknown_ref
from headgate.errors import InputError


@pytest.mark.parametrize("ref", ["main", "feature/orders-2", "v1.2", "a" * LONGEST_REF, "é", "0" * 40])
def test_names_of_branches_and_commits_are_taken(ref: str) -> None:
    assert check_ref(ref) == ref


@pytest.mark.parametrize(
    "ref",
    ["", "@", "-f", "/a", "a/", "a..b", "a b", "a\n", "a\x00", "a:b", "a^", "a~1", "a?", "a*", "a[b", "a\\b",
     "a@{1}", ".a", "a.", "a.lock", "a//b", "a" * (LONGEST_REF + 1), "a\u202eb", "\ud800"],
)  # fmt: skip
def test_anything_else_is_refused_in_words(ref: str) -> None:
    with pytest.raises(InputError, match="is not a git branch or commit") as refusal:
        check_ref(ref)
    assert len(str(refusal.value)) < 300


def test_a_commit_is_its_full_digest() -> None:
    assert is_commit("a" * 40)
    assert is_commit("0" * 64)
    assert not any(map(is_commit, ("a" * 39, "A" * 40, "main", "a" * 41)))


def test_what_is_known_is_listed_branches_first() -> None:
    commits = [f"{n:040x}" for n in range(20)]
    text = unknown_ref("production", "x", [*commits, "main", "dev"])
    assert "from 'x': known are dev, main, " + commits[0] in text
    assert text.endswith(f"{commits[7]} and 12 more")
