"""Lengths of time as people write them: `90s`, `20m`, `1h30m`."""

import re

from headgate.errors import InputError

_SPAN = re.compile(r"(?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,5})m)?(?:(?P<s>\d{1,6})s)?", re.ASCII)
LONGEST_SECONDS = 7 * 24 * 3600.0


def seconds_of(text: object) -> float:
    """Seconds of a text such as `20m`, or of a whole number of seconds. Raises InputError."""
    if isinstance(text, int) and not isinstance(text, bool):
        seconds = float(text)
    else:
        found = _SPAN.fullmatch(text) if isinstance(text, str) and text else None
        if found is None:
            raise InputError(f"must be a length of time as in 90s, 20m or 1h30m, not {text!r}")
        hours, minutes, rest = (float(found[unit] or 0) for unit in "hms")
        seconds = hours * 3600 + minutes * 60 + rest
    if not 0 < seconds <= LONGEST_SECONDS:
        raise InputError(f"must be more than nothing and at most seven days, not {text!r}")
    return seconds


def span_of(seconds: float) -> str:
    """The other way round: `2h`, `1h30m`, `1m30s`; of nothing `0`."""
    hours, rest = divmod(round(seconds), 3600)
    minutes, left = divmod(rest, 60)
    parts = ((hours, "h"), (minutes, "m"), (left, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0"
