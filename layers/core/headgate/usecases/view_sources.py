"""What is known of the sources of an environment's published project, and which connectors feed none of them."""

from dataclasses import dataclass

from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.job import ReusePolicy
from headgate.domain.source_listing import SourceLine, Unmapped, list_sources, unmapped_connectors
from headgate.ports import BundleStore, Clock, EventLog, Freshness, JobStore

# As many inbound events as are looked through for connectors that no job waits for.
_EVENTS = 1000
_EVENT_PARTS = 5


@dataclass(frozen=True, slots=True)
class SourcesView:
    """Sources by name, then what feeds none of them. silent_after: seconds, the strictest of the jobs that reuse."""

    environment: str
    bundle: str
    sources: tuple[SourceLine, ...]
    unmapped: tuple[Unmapped, ...]
    silent_after: float


def view_sources(
    environment: str,
    *,
    jobs: JobStore,
    bundles: BundleStore,
    freshness: Freshness,
    events: EventLog,
    clock: Clock,
) -> SourcesView:
    """Raises NotFoundError while nothing is published for the environment."""
    jobs.environment(environment)
    bundle = jobs.bundle_of(environment)
    index = Index.decode(bundles.read(bundle, named(Command("build").vars_digest, INDEX)))
    reusing = (job for job in jobs.jobs() if job.environment == environment and job.reuse.unchanged)
    silent_after = min((job.reuse.silent_after for job in reusing), default=ReusePolicy().silent_after)
    syncs = freshness.syncs()
    sources = list_sources(
        index,
        syncs=syncs,
        observations=freshness.observations(environment),
        now=clock.now(),
        silent_after=silent_after,
    )
    heard_of = (
        connector
        for event in events.recent(_EVENTS)
        if event.get("outcome") == "unmapped" and (connector := _connector_of(str(event["event_id"])))
    )
    unmapped = unmapped_connectors(index, syncs, heard_of)
    return SourcesView(environment, bundle, tuple(sources), tuple(unmapped), silent_after)


def _connector_of(event_id: str) -> str:
    """`fivetran/<origin>/<connector>/<sync>/<event>` -> `fivetran/<connector>`; nothing for what is no sync's."""
    parts = event_id.split("/")
    return f"{parts[0]}/{'/'.join(parts[2:-2])}" if len(parts) >= _EVENT_PARTS else ""
