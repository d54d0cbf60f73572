"""Jobs as a table and as objects."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from headgate_cli.output import escaped, print_table, table

if TYPE_CHECKING:
    from headgate.domain.job import Job


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
    from headgate.domain.when_words import describe_when

    shown = table("job", "environment", "when", "runs")
    for job in jobs:
        shown.add_row(
            f"[bold]{job.name}[/]",
            job.environment,
            escaped("\n".join(describe_when(job))),
            escaped("\n".join(job.run) or _FED),
        )
    print_table(shown)
