"""What `--state` of a dbt command points at: a published manifest to clone from, results to repeat."""

from pathlib import Path

from headgate.domain.bundle import MANIFEST, named
from headgate.domain.run import RunStatus
from headgate.errors import HeadgateError, NotFoundError
from headgate_runner.share import Share

# How far back `dbt retry` looks for the job's latest failure.
RUNS_BACK = 50


def fetch_state(share: Share, folder: Path) -> Path | None:
    """The folder for `--state`, filled, or None for a command that has none. Raises NotFoundError."""
    command = share.plan.command
    if command.verb == "clone":
        if not command.state:
            raise NotFoundError("dbt clone needs --state with the name of the environment to clone from")
        _fetch_manifest(share, command.state, folder)
        return folder
    if command.verb == "retry":
        _fetch_results(share, folder)
        return folder
    return None


def _fetch_manifest(share: Share, environment: str, folder: Path) -> None:
    digest = share.world.jobs.bundle_of(environment)
    folder.mkdir(parents=True, exist_ok=True)
    # What the other environment builds without --vars is what it is.
    share.world.bundles.fetch(digest, named(_plain_parse(), MANIFEST), folder / MANIFEST)
    share.log.write("info", f"cloning from bundle {digest[:12]} of {environment}")


def _plain_parse() -> str:
    from headgate.domain.command import Command

    return Command("build").vars_digest


def _fetch_results(share: Share, folder: Path) -> None:
    """The results of the step that failed last: of this run's earlier steps, else of the job's earlier runs."""
    world, own = share.world, share.world.runs.get_run(share.plan.run_id)
    steps = [(own.run_id, step) for step in range(share.plan.step - 1, 0, -1)]
    for run in world.runs.list_runs(RUNS_BACK, own.job):
        if run.run_id < own.run_id and run.status in (RunStatus.ERROR, RunStatus.CANCELLED):
            steps += [(run.run_id, step) for step in range(len(run.steps), 0, -1)]
    for run_id, step in steps:
        try:
            body = world.artifacts.get(run_id, step, "run_results.json")
        except HeadgateError:
            continue
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "run_results.json").write_bytes(body)
        share.log.write("info", f"repeating what failed in step {step} of run {run_id}")
        return
    raise NotFoundError(f"job {own.job} has no failed run whose results dbt retry could repeat")
