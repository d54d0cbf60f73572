"""The next times at which jobs are due by the clock: local, in UTC, and what a change of clocks does to them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from headgate_cli.output import counted, escaped, note, say

if TYPE_CHECKING:
    from headgate.domain.fire import Fire
    from headgate.domain.job import Job

USUAL = 10
# Of more jobs than these nobody reads every time, unless he asked for them.
_MANY = 5


def fires_of(jobs: "Sequence[Job]", now: float, count: int) -> "dict[str, list[Fire]]":
    """The next so many of each job that has a schedule."""
    from headgate.domain.fire import next_fires

    return {job.name: next_fires(job.schedules, now, count) for job in jobs if job.schedules and count}


def worth_showing(jobs: "Sequence[Job]", changed: Sequence[str], *, asked: bool) -> "list[Job]":
    """All that have a schedule if somebody asked or they are few; of many, a few of those that change."""
    scheduled = [job for job in jobs if job.schedules]
    if asked or len(scheduled) <= _MANY:
        return scheduled
    return [job for job in scheduled if job.name in set(changed)][:_MANY]


def print_fires(found: "dict[str, list[Fire]]", words: dict[str, str], left_out: int) -> None:
    """words: a job's schedule as the file says it. left_out: how many more jobs have one."""
    for job, fires in found.items():
        say(f"\n[bold]{job}[/] is due: {escaped(words[job])}")
        for fire in fires:
            told = f"  [yellow]{escaped(fire.note)}[/]" if fire.note else ""
            say(f"    {_weekday(fire)} {fire.local}   {_utc(fire.at)} UTC{told}")
        if not fires:
            say("    never again")
    if found and left_out:
        note(
            f"[bright_black]… and {counted(left_out, 'more job')} with a schedule: --fires {USUAL} shows all[/]"
        )


def fires_object(found: "dict[str, list[Fire]]") -> dict[str, list[dict[str, Any]]]:
    """The same for `--json`."""
    return {
        job: [
            {"at": _utc(fire.at).replace(" ", "T") + "Z", "local": fire.local, "note": fire.note}
            for fire in fires
        ]
        for job, fires in found.items()
    }


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M")


def _weekday(fire: "Fire") -> str:
    return datetime.fromisoformat(fire.local[:10]).strftime("%a")
