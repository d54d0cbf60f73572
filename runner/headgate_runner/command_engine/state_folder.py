"""What `--state` of `dbt clone` points at: the manifest of the bundle that the plan names."""

from pathlib import Path

from headgate.domain.bundle import MANIFEST, named
from headgate.domain.command import Command
from headgate_runner.share import Share


def fetch_state(share: Share, folder: Path) -> Path | None:
    """The folder for `--state`, filled, or None for a command that has none. Raises NotFoundError."""
    plan = share.plan
    if not plan.state_bundle:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    # The other environment as it is without any --vars of a job's.
    share.world.bundles.fetch(
        plan.state_bundle, named(Command("build").vars_digest, MANIFEST), folder / MANIFEST
    )
    share.log.write("info", f"cloning from {plan.command.state}, bundle {plan.state_bundle[:12]}")
    return folder
