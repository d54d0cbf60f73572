"""Upload a bundle, then let its environment point at it: whoever reads the pointer finds a whole bundle."""

from headgate.domain.bundle import Bundle
from headgate.errors import NotFoundError
from headgate.ports import BundleStore, JobStore


def publish_bundle(bundle: Bundle, environment: str, *, bundles: BundleStore, jobs: JobStore) -> bool:
    """Whether the environment points at another bundle than before. Publishing twice is publishing once.

    The files are offered to the store even if nothing changed: it uploads what it misses and nothing else.
    """
    bundles.put(bundle.digest, bundle.files)
    try:
        if jobs.bundle_of(environment) == bundle.digest:
            return False
    except NotFoundError:
        pass  # the first bundle of this environment
    jobs.point_at(environment, bundle.digest)
    return True
