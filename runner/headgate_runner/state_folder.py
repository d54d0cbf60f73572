"""What dbt's `--state` points at: the manifest of the bundle that the plan names, in a folder of its own.

`dbt clone` copies from it, `--defer` refers to it, and the selection of a step that is one dbt command compares with
it. The selection of the other steps is in the plan.
"""

from pathlib import Path

from headgate.domain.bundle import MANIFEST, METADATA, SHORT, BundleMetadata, named
from headgate.domain.command import Command
from headgate.errors import InputError, NotFoundError
from headgate_runner.share import Share


def fetch_state(share: Share, folder: Path) -> Path | None:
    """The folder for `--state`, filled, or None for a command that reads no other environment.

    Raises NotFoundError for a bundle that is gone, InputError for one of another project: dbt would find none of its
    nodes there, defer nothing, and say nothing.
    """
    plan = share.plan
    state = plan.command.state or plan.environment
    if not plan.state_bundle:
        if plan.command.defer:
            raise NotFoundError(f"--defer: environment {state} has no bundle that was built yet")
        return None
    try:
        _check_project(share, state)
        folder.mkdir(parents=True, exist_ok=True)
        # The other environment as it is without any --vars of a job's.
        share.world.bundles.fetch(
            plan.state_bundle, named(Command("build").vars_digest, MANIFEST), folder / MANIFEST
        )
    except NotFoundError as fault:
        raise NotFoundError(
            f"--state {state}: bundle {plan.state_bundle[:SHORT]} is gone, or not whole; "
            f"publish environment {state} and build it again"
        ) from fault
    share.log.write("info", f"the state is that of {state}, bundle {plan.state_bundle[:SHORT]}")
    return folder


def _check_project(share: Share, state: str) -> None:
    mine, other = (
        BundleMetadata.from_json(share.world.bundles.read(bundle, METADATA)).project
        for bundle in (share.plan.bundle, share.plan.state_bundle)
    )
    if mine != other:
        raise InputError(f"--state {state} is the project {other}, this run's is {mine}")
