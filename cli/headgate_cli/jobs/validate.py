"""`headgate jobs validate`: every fault of the jobs file at once."""

from pathlib import Path

from headgate_cli.jobs.listing import described, print_jobs
from headgate_cli.jobs.options import FileOption, JsonOption
from headgate_cli.output import counted, escaped, next_command, print_json, say


def validate(
    file: FileOption = Path("headgate.yml"),
    as_json: JsonOption = False,
) -> None:
    """Check the jobs file; needs no stack."""
    from headgate.adapters.jobs_file import read_jobs_file

    jobs_file = read_jobs_file(file)
    if as_json:
        print_json({"valid": True, "file": str(file), "jobs": [described(job) for job in jobs_file.jobs]})
        return
    print_jobs(jobs_file.jobs)
    counts = f"{counted(len(jobs_file.environments), 'environment')}, {counted(len(jobs_file.jobs), 'job')}"
    say(
        f"[green]✓[/] {escaped(str(file))} is valid: {counts}, {counted(len(jobs_file.alerts), 'alert rule')}"
    )
    next_command("headgate jobs apply" + (f" --file {file}" if str(file) != "headgate.yml" else ""))
