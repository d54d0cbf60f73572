"""When a job is due by the clock, as its owner wrote it: one record, three ways to say it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Start at these moments. Exactly one of `cron`, `every` and `at` is set.

    cron: five fields, on the wall clock of `timezone` (an IANA name). every: seconds; `aligned` says whether they
    are elapsed time, counted from 00:00 UTC (`elapsed`), or hours of the wall clock (`wall_clock`). at: local times,
    `08:00`. days: `MON` to `SUN`, none: every day; with `at` and `every`.

    dst: a local time that does not exist on some day is made up for at the first moment that does (`next_valid`), or
    left out (`skip`); `utc_fixed`: the offset of standard time all the year. catch_up: what starts of the times that
    were missed in an outage (`latest`, `all`, `none`).
    """

    cron: str = ""
    timezone: str = "UTC"
    every: float = 0.0
    aligned: str = "elapsed"
    at: tuple[str, ...] = ()
    days: tuple[str, ...] = ()
    dst: str = "next_valid"
    catch_up: str = "latest"
