"""What no entry can know by itself: names that must exist elsewhere in the files."""

import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from headgate.adapters.jobs_file.document import Document, Place
from headgate.adapters.jobs_file.documents import Found, entries, listing, mapping
from headgate.adapters.jobs_file.faults import nearest
from headgate.errors import Problem

# From where on a name is taken for a misspelt one of these files rather than for a job of another project.
_TYPO = 0.8


def unknown_names(documents: Sequence[Document]) -> Iterator[Problem]:
    """Environments, receivers and jobs that nobody wrote."""
    yield from _unknown_environments(documents)
    yield from _unknown_receivers(documents)
    yield from _misspelt_jobs(documents)


def _unknown_environments(documents: Sequence[Document]) -> Iterator[Problem]:
    known = [str(found.name) for found in entries(documents, "environments")]
    for job in entries(documents, "jobs") if known else ():
        wanted = mapping(job.value).get("environment")
        if isinstance(wanted, str) and wanted not in known:
            hint = nearest(wanted, known) or f" Known: {', '.join(known)}"
            yield job.problem(f"unknown environment {wanted!r}.{hint}", "environment")


def no_environment(documents: Sequence[Document]) -> Iterator[Problem]:
    """A job needs one, and so does whoever publishes."""
    keys = [str(key) for document in documents for key in mapping(document.values)]
    if "environments" not in keys and not any(nearest(key, ["environments"]) for key in keys):
        yield documents[0].problem(("environments",), "is missing: it says where relations live")


def _unknown_receivers(documents: Sequence[Document]) -> Iterator[Problem]:
    known: dict[str, Mapping[Any, Any]] = {}
    for found in entries(documents, "receivers"):
        known.setdefault(
            str(found.name), mapping(found.value)
        )  # of two, which is told elsewhere, the first counts
    for job, keys, wanted in _texts(documents, "webhook", "from"):
        name, sign, _ = wanted.partition("/")
        if name not in known:
            hint = nearest(name, known) or (
                f" Known: {', '.join(known)}" if known else " Add it to receivers"
            )
            yield job.problem(f"unknown receiver {name!r}.{hint}", *keys)
        elif sign and "subject" not in known[name]:
            message = (
                f"receiver {name!r} does not say where the subject of a message stands: add subject to it"
            )
            yield job.problem(message, *keys)


def _misspelt_jobs(documents: Sequence[Document]) -> Iterator[Problem]:
    # A job of another project cannot be known here; `headgate jobs plan` asks the stack.
    known = [str(found.name) for found in entries(documents, "jobs")]
    wanted_jobs = list(_texts(documents, "after", "jobs"))
    for job, keys, text in [*wanted_jobs, *_texts(documents, "after", "models")]:
        wanted = text.partition("/")[0] if keys[2] == "models" else text
        near = get_close_matches(wanted, known, n=1, cutoff=_TYPO)
        if wanted not in known and near and _letters(near[0]) != _letters(wanted):
            message = (
                f"unknown job {wanted!r}. Did you mean {near[0]}? (A job of another project can be named here, "
                "unless its name is nearly one of these files)"
            )
            yield job.problem(message, *keys)


def _letters(name: str) -> str:
    """`load_1` and `load_2` are two jobs, and no slip of the pen."""
    return re.sub(r"\d+", "#", name)


def _texts(documents: Sequence[Document], kind: str, key: str) -> Iterator[tuple[Found, Place, str]]:
    """Each text of `when.<kind>.<key>`, with its job and its place in it."""
    for job in entries(documents, "jobs"):
        wanted = mapping(mapping(mapping(job.value).get("when")).get(kind)).get(key)
        for position, text in enumerate(listing(wanted)):
            if isinstance(text, str):
                yield job, ("when", kind, key, position), text


def empty_keys(documents: Sequence[Document]) -> Iterator[Problem]:
    """Keys without a value: half-written, and nobody can say what was meant."""
    for document in documents:
        for place in _empty(document.values, (), set()):
            yield document.problem(place, "is empty: write a value, or leave the key out")


def _empty(value: Any, place: Place, seen: set[int]) -> Iterator[Place]:
    if id(value) in seen or not isinstance(value, dict | list):
        return
    seen.add(id(value))
    items: list[tuple[Hashable, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, inner in items:
        if inner is None and isinstance(value, dict):
            yield (*place, key)
        else:
            yield from _empty(inner, (*place, key), seen)
