"""A schedule in words for people: "at 06:00 on weekdays, Europe/Berlin"."""

from headgate.domain.schedule import Schedule
from headgate.domain.schedule_reading import interval, read_times, span_text
from headgate.domain.wall_times import ALL_MONTHS, EVERY_DAY, LAST, Days, WallTimes

MOST_NAMED = 8
_DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WEEKDAYS, _WEEKEND = frozenset(range(1, 6)), frozenset((0, 6))
_WHICH = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", LAST: "last"}
_DST = {"next_valid": "", "skip": ", missing times left out", "utc_fixed": ", standard time all year"}


def describe(schedule: Schedule) -> str:
    """Raises ScheduleError where the schedule cannot be read."""
    if schedule.every:
        days = next((_on(times.days) for times in read_times(schedule)), "")
        if interval(schedule):
            return f"every {span_text(schedule.every)}, elapsed"
        if schedule.aligned == "elapsed":
            return f"every {span_text(schedule.every)}{days}, counted from 00:00 UTC"
        return f"every {span_text(schedule.every)} of the wall clock{days}, {_zone(schedule)}"
    read = read_times(schedule)
    times = {_of_day(one) for one in read}
    days = " or".join(dict.fromkeys(_on(one.days) for one in read)) + _in(read)
    if len(times) == 1 and len(read[0].hours) == 24:
        return f"{_minutes(read[0].minutes)}{days}, {_zone(schedule)}"
    named = sorted({f"{at // 60:02d}:{at % 60:02d}" for of_day in times for at in of_day})
    if len(named) <= MOST_NAMED and (len(times) == 1 or schedule.at):
        return f"at {_and(named)}{days or ' every day'}, {_zone(schedule)}"
    said = f"cron {schedule.cron}" if schedule.cron else f"{len(named)} times a day{days}"
    return f"{said}, {_zone(schedule)}"


def _minutes(minutes: frozenset[int]) -> str:
    if len(minutes) == 60:
        return "every minute"
    return f"at minute {_and([str(at) for at in sorted(minutes)])} of every hour"


def _zone(schedule: Schedule) -> str:
    return schedule.timezone + ("" if schedule.timezone == "UTC" else _DST.get(schedule.dst, ""))


def _of_day(times: WallTimes) -> tuple[int, ...]:
    return tuple(sorted(hour * 60 + minute for hour in times.hours for minute in times.minutes))


def _in(read: tuple[WallTimes, ...]) -> str:
    months = read[0].months if read else ALL_MONTHS
    return "" if months == ALL_MONTHS else f" in {_and([_MONTHS[month - 1] for month in sorted(months)])}"


def _on(days: Days) -> str:
    if days == EVERY_DAY:
        return ""
    if days.last_of_month:
        return " on the last day of the month"
    if days.of_month:
        return f" on day {_and([str(day) for day in sorted(days.of_month)])} of the month"
    if days.nth is not None:
        return f" on the {_WHICH[days.nth[1]]} {_DAYS[days.nth[0]]} of the month"
    if days.of_week == _WEEKDAYS:
        return " on weekdays"
    if days.of_week == _WEEKEND:
        return " at weekends"
    return f" on {_and([_DAYS[day] for day in sorted(days.of_week, key=lambda day: (day - 1) % 7)])}"


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
