"""Fingerprints: what a build depends on besides data, part by part, so that a change can be named."""

from collections.abc import Iterable, Mapping

from headgate.domain.index import Index

Fingerprint = Mapping[str, str]


def fingerprints(index: Index, ids: Iterable[str]) -> dict[str, dict[str, str]]:
    """unique_id -> part -> digest, of nodes of any kind."""
    return {unique_id: {} for unique_id in ids}


def what_changed(old: Fingerprint, new: Fingerprint, index: Index | None = None, unique_id: str = "") -> str:
    """For a person: the first thing that is another one, with a macro's path; empty: nothing is.

    index: for the path of a macro and the way that leads to it.
    """
    return "" if old == new else "its code changed"
