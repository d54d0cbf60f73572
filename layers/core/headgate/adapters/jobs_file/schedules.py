"""`when.schedule:`: by the clock, in one of three ways."""

import time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import Entry, KeyFaultError, Schema, without_null
from headgate.adapters.jobs_file.values import Cron, HourOrClock, Span, TimeZone, different
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_reading import check_schedule
from headgate.errors import ScheduleError

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
SHORTEST_SECONDS = 60.0
WAYS = ("cron", "every", "at")


def _whole_minutes(seconds: float) -> float:
    if seconds < SHORTEST_SECONDS or seconds % 60:
        raise ValueError("must be whole minutes, at least 1m")
    return seconds


def _one_way(schema: Schema) -> None:
    without_null(schema)
    schema["oneOf"] = [{"required": [way]} for way in WAYS]


class ScheduleEntry(Entry, json_schema_extra=_one_way):
    """`when.schedule:`, or one of its list."""

    cron: Cron | None = Field(
        None,
        description="Five fields: minute, hour, day of month (or `L`, the last), month, day of week. One of `cron`, "
        "`every` and `at` is written.",
        examples=['"0 6 * * 1-5"'],
    )
    every: Annotated[Span, AfterValidator(_whole_minutes)] | None = Field(
        None, description="A length of time between two starts, at least `1m`.", examples=["2h"]
    )
    aligned: Literal["elapsed", "wall_clock"] = Field(
        "elapsed",
        description="Whether `every` counts time that passes, from 00:00 UTC, or hours of the zone's clock.",
        examples=["wall_clock"],
    )
    at: Annotated[list[HourOrClock], Field(min_length=1), AfterValidator(different)] | None = Field(
        None, description="Local times: whole hours or `HH:MM`.", examples=['[0, 8, "17:30"]']
    )
    days: Annotated[list[Day], Field(min_length=1), AfterValidator(different)] | None = Field(
        None,
        description="On which days `at` and `every` start: `mon`, `tue`, `wed`, `thu`, `fri`, `sat`, `sun`. Without it "
        "every day.",
        examples=["[mon, fri]"],
    )
    timezone: TimeZone = Field("UTC", description="An IANA time zone.", examples=["Europe/Berlin"])
    dst: Literal["next_valid", "skip", "utc_fixed"] = Field(
        "next_valid",
        description="A local time that does not exist when clocks change is made up for at the first moment that does "
        "(`next_valid`) or left out (`skip`); `utc_fixed`: the offset of standard time all the year.",
        examples=["skip"],
    )
    catch_up: Literal["latest", "all", "none"] = Field(
        "latest", description="Which of the times that were missed in an outage start.", examples=["none"]
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> "ScheduleEntry":
        written = [way for way in WAYS if getattr(self, way) is not None]
        if len(written) != 1:
            found = f"it has {' and '.join(written)}" if written else "none of them is there"
            raise ValueError(f"takes exactly one of cron, every and at: {found}")
        if self.says("aligned") and self.every is None:
            raise KeyFaultError("goes with every: leave it out", "aligned")
        if self.days and self.cron is not None:
            raise KeyFaultError("goes with at and every; with cron, field 5 says the days", "days")
        try:
            check_schedule(schedule(self), time.time())
        except ScheduleError as fault:
            raise ValueError(str(fault)) from fault
        return self


def schedule(entry: ScheduleEntry) -> Schedule:
    return Schedule(
        cron=entry.cron or "",
        timezone=entry.timezone,
        every=entry.every or 0.0,
        aligned=entry.aligned,
        at=tuple(entry.at or ()),
        days=tuple(day.upper() for day in entry.days or ()),
        dst=entry.dst,
        catch_up=entry.catch_up,
    )
