"""`headgate simulate`: what another schedule or policy would have built, by the syncs that were recorded."""

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headgate_cli.moments import local_time
from headgate_cli.output import (
    counted,
    escaped,
    next_command,
    note,
    print_json,
    print_table,
    say,
    seconds_text,
    table,
)
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.domain.job import Job
    from headgate.domain.replay import Replayed
    from headgate.domain.schedule import Schedule
    from headgate.usecases.simulate_job import Simulation

_DAY, _CENT = 86_400, 0.01
_COLUMNS = ("runs", "idle", "builds", "reuses", "queries", "runners", "AWS", "waits")


def simulate(
    context: typer.Context,
    job: Annotated[str, typer.Argument(metavar="JOB", help="A job's name, as in headgate.yml.")],
    cron: Annotated[str, typer.Option(help="The schedule to try; else the job's own schedules.")] = "",
    every: Annotated[str, typer.Option(help="Or: an interval, `2h`, counted from 00:00 UTC.")] = "",
    at: Annotated[str, typer.Option(metavar="TIMES", help="Or: local times, `8:00,17:30`.")] = "",
    timezone: Annotated[str, typer.Option(help="Its IANA time zone; else the job's, else UTC.")] = "",
    days: Annotated[int, typer.Option(help="How far back: 1 to 90.")] = 30,
    policy: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="A key of the job's `reuse:` to try; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False,
) -> None:
    """Replay recorded syncs under another schedule or policy; nothing is written."""
    from headgate.adapters.jobs_file.policy import changed_policy
    from headgate.usecases.simulate_job import simulate_job

    world = world_of(context)
    found = world.jobs.job(job)
    simulation = simulate_job(
        job,
        schedules=_schedules(found, cron, every, at, timezone, world.clock.now()),
        policy=changed_policy(found.reuse, policy or []),
        days=days,
        jobs=world.jobs,
        bundles=world.bundles,
        freshness=world.freshness,
        history=world.history,
        clock=world.clock,
    )
    if as_json:
        print_json(_object(simulation))
    else:
        _print(simulation)


def _schedules(
    job: "Job", cron: str, every: str, at: str, timezone: str, now: float
) -> "tuple[Schedule, ...]":
    """The schedule that was asked for, else the job's own ones; in another time zone, if one was given."""
    from headgate.domain.schedule import Schedule
    from headgate.domain.schedule_reading import check_schedule
    from headgate.domain.time_span import seconds_of

    tried = job.schedules
    if cron or every or at:
        zone = next((own.timezone for own in job.schedules), "UTC")
        times = tuple(text.strip() for text in at.split(",")) if at else ()
        tried = (Schedule(cron, zone, every=seconds_of(every) if every else 0.0, at=times),)
    if timezone:
        tried = tuple(replace(schedule, timezone=timezone) for schedule in tried)
    for schedule in tried:
        check_schedule(schedule, now)
    return tried


def _print(found: "Simulation") -> None:
    from headgate.domain.instant import iso

    shown = table("", *_COLUMNS, right=_COLUMNS, whole=_COLUMNS)
    _row(shown, f"[bold]{escaped(_words(found.schedules))}[/]", found.proposed)
    if found.now is not None:
        _row(shown, "as it is now", found.now)
    _row(shown, "without reuse", found.without_reuse)
    print_table(shown)
    note("[bright_black]idle: runs that built nothing · waits: from a sync to the next run, on average[/]")
    told = ", ".join(f"{number} {reason}" for reason, number in sorted(found.proposed.reasons.items()))
    if told:
        say(f"built because of: {told}")
    span = f"{local_time(iso(found.start))} to {local_time(iso(found.end))}"
    note(f"replayed {counted(found.syncs, 'sync')} from {span}, with the code and durations of now")
    if found.since is None:
        note("[yellow]![/] no sync is recorded that feeds a source of this project: every source counts as")
        note("  unknown, and what reads one is built in every run; `headgate sources` shows the connectors")
    elif found.is_short:
        known = found.end - found.start
        length = f"{known / _DAY:.1f}" if known >= _DAY else f"{seconds_text(known)} instead"
        note(
            f"[yellow]![/] syncs are known since {local_time(iso(found.since))}: {length} of {found.days} days"
        )
    if not found.policy.unchanged:
        note("[yellow]![/] this job reuses nothing; --policy unchanged=true shows what it would be if it did")
    for text in found.proposed.notes:
        note(f"[yellow]![/] {escaped(text)}")
    next_command(f"headgate plan {found.job}", "headgate sources")


def _words(schedules: "tuple[Schedule, ...]") -> str:
    from headgate.domain.schedule_words import describe

    return "; ".join(describe(schedule) for schedule in schedules)


def _row(shown: Any, label: str, found: "Replayed") -> None:
    shown.add_row(
        label,
        f"{found.runs:,}",
        f"{found.idle:,}",
        f"{found.builds:,}",
        f"{found.reuses:,}",
        seconds_text(found.spent.warehouse_seconds),
        seconds_text(found.spent.runner_seconds),
        _dollars(found.spent.dollars.low, found.spent.dollars.high),
        seconds_text(found.waits) if found.waits is not None else "",
    )


def _dollars(low: float, high: float) -> str:
    """What is less than a cent is not nothing."""
    if 0 < high < _CENT:
        return "< $0.01"
    return f"${low:,.2f}-{high:,.2f}"


def _object(found: "Simulation") -> dict[str, Any]:
    from headgate.domain.instant import iso

    return {
        "job": found.job,
        "schedules": [{"words": _words((one,)), **asdict(one)} for one in found.schedules],
        "policy": asdict(found.policy),
        "days": found.days,
        "days_replayed": round((found.end - found.start) / _DAY, 3),
        "start": iso(found.start),
        "end": iso(found.end),
        "syncs": found.syncs,
        "syncs_since": iso(found.since) if found.since is not None else None,
        "proposed": _replayed(found.proposed),
        "now": _replayed(found.now) if found.now is not None else None,
        "without_reuse": _replayed(found.without_reuse),
    }


def _replayed(found: "Replayed") -> dict[str, Any]:
    return {
        "runs": found.runs,
        "runs_without_a_build": found.idle,
        "builds": found.builds,
        "reuses": found.reuses,
        "reasons": {reason.value: number for reason, number in found.reasons.items()},
        "warehouse_seconds": round(found.spent.warehouse_seconds, 1),
        "runner_seconds": round(found.spent.runner_seconds, 1),
        "aws_dollars": {
            "low": round(found.spent.dollars.low, 4),
            "high": round(found.spent.dollars.high, 4),
        },
        "data_waits_seconds": round(found.waits, 1) if found.waits is not None else None,
        "notes": list(found.notes),
    }
