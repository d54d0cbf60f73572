"""What is remembered of a node's last build in an environment, so that the next run can tell whether to repeat it.

A relation is built by one attempt at a time: who builds it holds its record. Each hold has a higher fence than all
before it, and a commit with an older fence is refused, so a lost runner can never publish what it built.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

FORMAT = 1
# Of a message, what is kept: a record is read with thousands of others.
MESSAGE_CHARS = 1000


@dataclass(frozen=True, slots=True)
class BuildState:
    """The record of a model, seed, snapshot or data test in one environment.

    version: names the last build that was committed, unique for ever (`<run>.<step>.<fence>`); empty: there is none.
    relation: where it went. fingerprint: part -> digest (domain/fingerprint.py). seen: upstream -> the version of its
    data when the build began. built_at: when it was committed (epoch seconds). status: dbt's word for the last end,
    also of one that failed; message: what went wrong. pending: error-severity tests of this build that have not
    passed yet; failed: those that failed. holder: who builds it now, or died while building it (domain/slots.Holder).
    fence: the number of the last hold. format: of the record itself; another one is read as no state.
    """

    unique_id: str
    version: str = ""
    relation: str = ""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    seen: Mapping[str, str] = field(default_factory=dict)
    built_at: float = 0.0
    run_id: int = 0
    status: str = ""
    message: str = ""
    pending: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()
    holder: str = ""
    fence: int = 0
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to build one relation. fence: for the commit. before: the record as it was, its old holder included."""

    unique_id: str
    fence: int
    before: BuildState


def lost_by(holder: str) -> str:
    """The message of a record whose holder was replaced because it is gone."""
    return f"its last build was lost: {holder}"
