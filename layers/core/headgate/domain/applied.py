"""What is applied: the jobs files of every origin, side by side in one stack."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from headgate.domain.job import JobsFile
from headgate.errors import ConflictError, NotFoundError


@dataclass(frozen=True, slots=True)
class Applied:
    """A jobs file as it was applied last. An origin that was emptied keeps an empty one.

    number: grows with every apply of the stack; 0: never applied. pending: its schedules may not agree with it: an
    apply of it is under way, or died before it was done.
    """

    file: JobsFile
    number: int = 0
    pending: bool = False


def never_applied(origin: str) -> Applied:
    """What is stored of an origin that nobody knows."""
    return Applied(JobsFile((), (), (), origin))


def refuse_taken(mine: Iterable[JobsFile], applied: Mapping[str, Applied]) -> None:
    """Raises ConflictError if one of `mine` names something that another applied origin manages."""
    mine = list(mine)
    origins = {file.origin for file in mine}
    taken = {
        key: origin
        for origin, other in applied.items()
        if origin not in origins
        for key in names_of(other.file)
    }
    for file in mine:
        for kind, name in names_of(file):
            if origin := taken.get((kind, name)):
                raise ConflictError(
                    f"{kind} {name!r} belongs to {origin}: remove it there first and apply that file, then this one"
                )


def refuse_moved(after: Mapping[str, int], applied: Mapping[str, Applied]) -> None:
    """Raises ConflictError if one of these origins was applied since it had this number."""
    for origin, number in after.items():
        if applied.get(origin, never_applied(origin)).number != number:
            raise ConflictError(
                f"{origin} is being applied by somebody else as well: look, then apply it again"
            )


def names_of(file: JobsFile) -> list[tuple[str, str]]:
    """(kind, name) of everything that no two origins may share."""
    return [
        *(("environment", found.name) for found in file.environments),
        *(("receiver", found.name) for found in file.receivers),
        *(("job", found.name) for found in file.jobs),
    ]


def lowest_limit(files: Iterable[JobsFile]) -> int | None:
    """How many runs the stack takes at once: of several files the lowest holds; None: no limit."""
    return min((file.max_parallel_runs for file in files if file.max_parallel_runs is not None), default=None)


def unknown(kind: str, name: str, known: Iterable[str]) -> NotFoundError:
    """`no job named 'finnance'; did you mean finance?`"""
    near = get_close_matches(name, list(known), n=1)
    return NotFoundError(f"no {kind} named {name!r}" + (f"; did you mean {near[0]}?" if near else ""))
