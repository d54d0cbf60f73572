"""`headgate jobs list`: the jobs that are applied."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import typer

from headgate_cli.jobs.options import JsonOption
from headgate_cli.output import escaped, next_command, note, print_json, print_table, table
from headgate_cli.world import world_of

if TYPE_CHECKING:
    from headgate.domain.job import Job


def list_jobs(context: typer.Context, as_json: JsonOption = False) -> None:
    """The jobs that are applied."""
    jobs = world_of(context).jobs.jobs()
    if as_json:
        print_json({"jobs": [described(job) for job in jobs]})
    elif jobs:
        print_jobs(jobs)
        next_command(f"headgate run {jobs[0].name}")
    else:
        note("no jobs are applied yet")
        next_command("headgate jobs apply")


def described(job: "Job") -> dict[str, Any]:
    """A job as `--json` prints it."""
    return {
        "name": job.name,
        "environment": job.environment,
        "owner": job.owner,
        "description": job.description,
        "gates": [asdict(gate) for gate in job.gates],
        "schedules": [asdict(schedule) for schedule in job.schedules],
        "run": list(job.run),
    }


# What a job without commands does (job.downstream_of).
_FED = "dbt build of what the synced connector feeds"


def print_jobs(jobs: "tuple[Job, ...] | list[Job]") -> None:
    """A line for each job."""
    shown = table("job", "environment", "when", "runs")
    for job in jobs:
        shown.add_row(
            f"[bold]{job.name}[/]", job.environment, escaped(_when(job)), escaped("\n".join(job.run) or _FED)
        )
    print_table(shown)


def _when(job: "Job") -> str:
    told = [
        f"{kind} {', '.join(one.name for one in gate.awaits if one.kind == kind)}"
        for gate in job.gates
        for kind in dict.fromkeys(one.kind for one in gate.awaits)
    ]
    told += [f"{schedule.cron} {schedule.timezone}" for schedule in job.schedules]
    return "\n".join(told) or "only when asked"
