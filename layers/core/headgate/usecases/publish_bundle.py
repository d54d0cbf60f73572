"""Upload a bundle, then let its environment point at it: whoever reads the pointer finds a whole bundle."""

from collections.abc import Sequence

from headgate.domain.bundle import Bundle
from headgate.errors import NotFoundError
from headgate.ports import BundleStore, JobStore


def publish_bundle(
    bundle: Bundle, environment: str, *, bundles: BundleStore, jobs: JobStore, refs: Sequence[str] = ()
) -> bool:
    """Whether the environment points at another bundle than before. Publishing twice is publishing once.

    refs: branches and commits that it may be asked for by. Files and refs are offered even if nothing changed: the
    store uploads what it misses and nothing else, and a new commit may well have the content of an old one.
    """
    bundles.put(bundle.digest, bundle.files)
    try:
        changed = jobs.bundle_of(environment) != bundle.digest
    except NotFoundError:
        changed = True  # the first bundle of this environment
    if changed or refs:
        jobs.point_at(environment, bundle.digest, refs)
    return changed
