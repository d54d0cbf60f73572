"""The event that somebody means: by its id, or by a part of it that only one of the latest has."""

from difflib import get_close_matches
from typing import Any

from headgate.domain.first_of import first_of
from headgate.errors import InputError, NotFoundError
from headgate.ports import EventLog

# How many of the latest are searched for a part of an id.
_SEARCHED = 2_000
_NAMED = 5


def find_event(text: str, events: EventLog) -> dict[str, Any]:
    """As in EventLog.recent. Raises InputError if several are meant, NotFoundError with those that are called alike."""
    try:
        return events.get(text)
    except NotFoundError:
        known = events.recent(_SEARCHED)
    found = [event for event in known if text in event["event_id"]]
    if len(found) == 1:
        return found[0]
    if found:
        ids = first_of([event["event_id"] for event in found], _NAMED)
        raise InputError(f"{text!r} is a part of {len(found)} events: {ids}")
    near = get_close_matches(text, [event["event_id"] for event in known], n=3, cutoff=0.5)
    hint = f"; did you mean {' or '.join(near)}?" if near else "; `headgate events list` shows the latest"
    raise NotFoundError(f"no event {text!r} in the last seven days{hint}")
