"""Which of a job's due times are worth asking whether a run was made of them.

Of a schedule that catches up `all`, each; else the newest, since what it starts answers for the older ones.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from headgate.domain.fire import fires
from headgate.domain.schedule import Schedule

ALL, LATEST, NONE = "all", "latest", "none"
_STRENGTH = (NONE, LATEST, ALL)


@dataclass(frozen=True, slots=True)
class Due:
    """A due time (epoch seconds) that should have a run by now, and what is to be done if it has none.

    newer: later due times of the same schedule, which may still be heard of.
    """

    at: float
    catch_up: str
    newer: tuple[float, ...] = ()


def due_times(
    schedules: Sequence[Schedule], since: float, until: float, now: float, most: int
) -> tuple[list[Due], float]:
    """Due times after `since` and until `until`, oldest first, and up to when that is all of them.

    most: of one schedule. A moment that is due by several schedules is caught up as the one that wants most of it.
    """
    found: dict[float, Due] = {}
    complete = until
    for schedule in schedules:
        due = _of(schedule, since, until, now, most)
        if schedule.catch_up == ALL and len(due) == most:
            complete = min(complete, due[-1].at)
        for one in due:
            known = found.setdefault(one.at, one)
            if _STRENGTH.index(one.catch_up) > _STRENGTH.index(known.catch_up):
                found[one.at] = one
    return [found[at] for at in sorted(found) if at <= complete], complete


def comes_due(schedules: Sequence[Schedule], since: float, until: float) -> bool:
    """Whether any of them does, after `since` and until `until`."""
    return any(next(fires(schedule, since, until), None) is not None for schedule in schedules)


def _of(schedule: Schedule, since: float, until: float, now: float, most: int) -> list[Due]:
    if schedule.catch_up == ALL:
        return [Due(at, ALL) for at in islice(fires(schedule, since, until), most)]
    newest = deque(fires(schedule, since, until), maxlen=1)
    return [Due(at, schedule.catch_up, tuple(fires(schedule, until, now))) for at in newest]
