"""What `--state` of `dbt clone` points at: the manifest that another environment has published."""

from pathlib import Path

from headgate.domain.bundle import MANIFEST, named
from headgate.domain.command import Command
from headgate_runner.share import Share


def fetch_state(share: Share, folder: Path) -> Path | None:
    """The folder for `--state`, filled, or None for a command that has none.

    Raises NotFoundError when the environment to clone from does not exist or has published nothing.
    """
    environment = share.plan.command.state
    if not environment:
        return None
    # Pinned when the step was planned, so that every attempt copies from the same one.
    digest = share.plan.state_bundle or share.world.jobs.bundle_of(environment)
    folder.mkdir(parents=True, exist_ok=True)
    # The other environment as it is without any --vars of a job's.
    share.world.bundles.fetch(digest, named(Command("build").vars_digest, MANIFEST), folder / MANIFEST)
    share.log.write("info", f"cloning from bundle {digest[:12]} of {environment}")
    return folder
