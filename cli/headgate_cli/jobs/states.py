"""`headgate jobs list`: the jobs that are applied, whether anything starts them, and when next."""

from typing import TYPE_CHECKING, Any

import typer

from headgate_cli.jobs.options import JsonOption
from headgate_cli.output import escaped, next_command, note, painted, print_json, print_table, say, table
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.activity import Activity
    from headgate.domain.job import Job
    from headgate.domain.run import Run

# Last runs are looked for among so many of the latest.
_LATEST_RUNS = 500


def list_jobs(context: typer.Context, as_json: JsonOption = False) -> None:
    """The jobs that are applied: state, next due time, last run."""
    world = world_of(context)
    applied = world.jobs.applied()
    origins = {job.name: found.file.origin for found in applied for job in found.file.jobs}
    jobs = sorted((job for found in applied for job in found.file.jobs), key=lambda job: job.name)
    activities = world.activities.activities([job.name for job in jobs])
    last = _last_runs(world)
    if as_json:
        print_json({"jobs": [_object(job, activities[job.name], origins, last, world) for job in jobs]})
        return
    if not jobs:
        note("no jobs are applied yet")
        next_command("headgate jobs apply")
        return
    for origin in sorted(several := set(origins.values())):
        if len(several) > 1:
            say(f"[bold]{escaped(origin)}[/]")
        _print([job for job in jobs if origins[job.name] == origin], activities, last, world)
    off = next((job.name for job in jobs if activities[job.name].is_off and not job.paused), None)
    next_command(f"headgate jobs resume {off}" if off else f"headgate run {jobs[0].name}")


def _last_runs(world: "World") -> "dict[str, Run]":
    found: dict[str, Run] = {}
    for run in world.runs.list_runs(_LATEST_RUNS):
        found.setdefault(run.job, run)
    return found


def _print(
    jobs: "list[Job]",
    activities: "dict[str, Activity]",
    last: "dict[str, Run]",
    world: "World",
) -> None:
    from headgate.domain.when_words import describe_when

    columns = ("job", "environment", "when", "state", "next due", "last run")
    shown = table(*columns, whole=("job", "last run"))
    for job in jobs:
        run = last.get(job.name)
        shown.add_row(
            f"[bold]{escaped(job.name)}[/]",
            escaped(job.environment),
            escaped("\n".join(describe_when(job))),
            _painted_state(job, activities[job.name]),
            _next_due(job, activities[job.name], world),
            f"{painted(run.status.value)} {run.run_id}" if run else "",
        )
    print_table(shown)


def _painted_state(job: "Job", activity: "Activity") -> str:
    text = state_text(job, activity)
    return "[green]active[/]" if text == "active" else f"[yellow]{escaped(text)}[/]"


def state_text(job: "Job", activity: "Activity") -> str:
    """`active`, `paused by ana (…)`, `paused in the file`, `off after 100 failures`."""
    if job.paused:
        return "paused in the file"
    if activity.paused:
        return f"paused {activity.paused}"
    if activity.deactivated_at is not None:
        return f"off after {activity.failures} failures"
    return "active"


def _next_due(job: "Job", activity: "Activity", world: "World") -> str:
    from headgate.domain.fire import next_fires

    if not job.schedules or job.paused or activity.is_off:
        return ""
    found = next_fires(job.schedules, world.clock.now(), 1)
    return f"{found[0].local} {found[0].zone}" if found else ""


def _object(
    job: "Job", activity: "Activity", origins: dict[str, str], last: "dict[str, Run]", world: "World"
) -> dict[str, Any]:
    from headgate_cli.jobs.listing import described

    run = last.get(job.name)
    return described(job) | {
        "origin": origins[job.name],
        "state": state_text(job, activity),
        "is_off": job.paused or activity.is_off,
        "failures": activity.failures,
        "next_due": _next_due(job, activity, world) or None,
        "last_run": {"run_id": run.run_id, "status": run.status.value} if run else None,
    }
