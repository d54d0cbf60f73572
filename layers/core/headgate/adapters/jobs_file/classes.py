"""`error_classes` and `retries.on`: which names there are, and the entries as the domain's records."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from headgate.adapters.jobs_file.document import Document
from headgate.adapters.jobs_file.documents import entries, listing, mapping
from headgate.adapters.jobs_file.environments import ErrorClassEntry
from headgate.adapters.jobs_file.faults import nearest
from headgate.domain.error_class import BUILT_IN, ErrorClass
from headgate.errors import Problem

_BUILT_IN = {found.name: found for found in BUILT_IN}


def error_class(name: str, entry: ErrorClassEntry) -> ErrorClass:
    """What is left out comes from the built-in class of that name; a class of one's own is made to be retried."""
    base = _BUILT_IN.get(name, ErrorClass(name, retry=True))
    first = base.first_seconds if entry.backoff is None else entry.backoff
    return ErrorClass(
        name=name,
        patterns=tuple(entry.match or ()),
        retry=base.retry if entry.retry is None else entry.retry,
        first_seconds=first,
        longest_seconds=max(first, base.longest_seconds) if entry.longest is None else entry.longest,
        counts=base.counts if entry.counts is None else entry.counts,
        fewer_threads=base.fewer_threads if entry.fewer_threads is None else entry.fewer_threads,
        larger_runner=base.larger_runner if entry.larger_runner is None else entry.larger_runner,
        group=base.group if entry.group is None else entry.group,
    )


def class_problems(documents: Sequence[Document]) -> Iterator[Problem]:
    """What no entry can know by itself: own classes without patterns, names in `retries.on` that mean nothing."""
    environments = {found.name: found for found in entries(documents, "environments")}
    for environment in environments.values():
        for own, entry in mapping(mapping(environment.value).get("error_classes")).items():
            if isinstance(entry, Mapping) and not entry.get("match") and own not in _BUILT_IN:
                hint = nearest(str(own), _BUILT_IN) or " Only a built-in class can do without."
                yield environment.problem(f"match is missing.{hint}", "error_classes", own)
    for job in entries(documents, "jobs"):
        wanted_place = mapping(job.value).get("environment")
        used = environments.get(wanted_place) if isinstance(wanted_place, str) else None
        own_classes = mapping(mapping(used.value).get("error_classes")) if used else {}
        wanted = listing(mapping(mapping(job.value).get("retries")).get("on"))
        for position, word in enumerate(wanted):
            message = _wrong_name(word, own_classes) if isinstance(word, str) else None
            if message is not None:
                yield job.problem(message, "retries", "on", position)


def _wrong_name(word: str, own: Mapping[Any, Any]) -> str | None:
    """Why `retries.on` cannot name this, or None."""
    classes = [*(str(name) for name in own), *_BUILT_IN]
    groups = {str(mapping(entry).get("group")) for entry in own.values() if mapping(entry).get("group")}
    groups |= {found.group for found in BUILT_IN if found.group}
    if word in groups:
        return None
    if word not in classes:
        hint = nearest(word, [*classes, *sorted(groups)])
        return f"unknown error class {word!r}.{hint or ' Known: ' + ', '.join([*sorted(groups), *classes])}"
    built_in = _BUILT_IN.get(word)
    retried = mapping(own.get(word)).get("retry", built_in.retry if built_in else True)
    if retried is False:
        return (
            f"errors of class {word} do not pass by themselves; to try again all the same, say so in the "
            f"environment: error_classes: {{{word}: {{retry: true}}}}"
        )
    return None
