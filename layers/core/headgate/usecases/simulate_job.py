"""Replay a job's recorded syncs under another schedule or policy, beside the job as it is. Nothing is written."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from headgate.domain.bundle import INDEX, SHORT, named
from headgate.domain.command import Command
from headgate.domain.connected_sources import ConnectedSources
from headgate.domain.fire import fires
from headgate.domain.index import Index
from headgate.domain.job import Job, ReusePolicy
from headgate.domain.prediction import build_key
from headgate.domain.replay import Fire, Replayed, replay, sync_fires
from headgate.domain.replayed_step import Ground
from headgate.domain.schedule import Schedule
from headgate.domain.schedule_words import describe
from headgate.domain.sync import KEPT_SECONDS, Sync
from headgate.errors import InputError, NotFoundError
from headgate.ports import BundleStore, Clock, Freshness, History, JobStore

DAY = 86_400.0
LONGEST_DAYS = KEPT_SECONDS // 86_400
MOST_RUNS = 10_000


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came of it. days: how many were asked for; start, end: what was replayed (epoch seconds).

    syncs: of connectors that feed the project's sources, within that time; since: the first that is known of.
    now: the job as it is; None: nothing but a person starts it.
    """

    job: str
    schedules: tuple[Schedule, ...]
    policy: ReusePolicy
    days: int
    start: float
    end: float
    syncs: int
    since: float | None
    proposed: Replayed
    now: Replayed | None
    without_reuse: Replayed

    @property
    def is_short(self) -> bool:
        """Whether less is known than was asked for."""
        return self.end - self.start < self.days * DAY - 1.0


def simulate_job(
    name: str,
    *,
    schedules: Sequence[Schedule],
    policy: ReusePolicy | None,
    days: int,
    jobs: JobStore,
    bundles: BundleStore,
    freshness: Freshness,
    history: History,
    clock: Clock,
) -> Simulation:
    """Without schedules or a policy, the job's own. Raises NotFoundError, InputError, and what planning raises."""
    job, end = jobs.job(name), clock.now()
    wanted = tuple(schedules) or job.schedules
    if not wanted:
        raise InputError(f'{name} has no schedule of its own: give one, as in --cron "0 * * * *"')
    _check_days(days)
    asked = end - days * DAY
    indexes = _indexes(job, jobs, bundles)
    # Before it begins as well: what a connector said last before that still holds.
    sources = [ConnectedSources(index.nodes.values()) for index in indexes.values()]
    syncs = [
        sync
        for sync in freshness.syncs_since(end - KEPT_SECONDS)
        if any(connected.of(sync) for connected in sources)
    ]
    since = min((sync.at for sync in syncs), default=None)
    start = asked if since is None else max(asked, since)
    known = [sync for sync in syncs if sync.at <= end]
    ground = Ground(
        job, jobs.environment(job.environment), indexes, _predictions(job, indexes, history), known, start
    )
    proposed = _scheduled(job, wanted, start, end)
    chosen = policy or job.reuse
    as_is = _as_it_is(job, known, start, end)
    return Simulation(
        job=name,
        schedules=wanted,
        policy=chosen,
        days=days,
        start=start,
        end=end,
        syncs=sum(start <= sync.at for sync in known),
        since=since,
        proposed=replay(ground, chosen, proposed),
        now=replay(ground, job.reuse, as_is) if as_is else None,
        without_reuse=replay(ground, replace(chosen, unchanged=False), proposed),
    )


def _check_days(days: int) -> None:
    if not 1 <= days <= LONGEST_DAYS:
        raise InputError(f"--days {days}: syncs are kept for {LONGEST_DAYS} days; give 1 to {LONGEST_DAYS}")


def _scheduled(job: Job, schedules: Iterable[Schedule], start: float, end: float) -> list[Fire]:
    """One run per instant, however many of the schedules come due at it."""
    if not job.steps:
        raise InputError(f"{job.name} has neither commands nor connectors: there is nothing to replay")
    found: set[float] = set()
    for schedule in schedules:
        for at in fires(schedule, start, end):
            found.add(at)
            if len(found) > MOST_RUNS:
                raise InputError(
                    f"{describe(schedule)}: comes due more than {MOST_RUNS:,} times in that time: give fewer --days"
                )
    return [Fire(at, job.steps) for at in sorted(found)]


def _as_it_is(job: Job, syncs: Sequence[Sync], start: float, end: float) -> list[Fire]:
    """What would have started it: its schedules and its connectors."""
    scheduled = _scheduled(job, job.schedules, start, end) if job.schedules else []
    return sorted([*scheduled, *sync_fires(job, syncs, start)], key=lambda fire: fire.at)


def _indexes(job: Job, jobs: JobStore, bundles: BundleStore) -> Mapping[str, Index]:
    bundle = jobs.bundle_of(job.environment)
    found: dict[str, Index] = {}
    for digest in {Command.parse(step).vars_digest for step in job.steps}:
        try:
            found[digest] = Index.decode(bundles.read(bundle, named(digest, INDEX)))
        except NotFoundError as fault:
            raise NotFoundError(
                f"bundle {bundle[:SHORT]} has no index for a step of {job.name}: "
                f"run `headgate publish --environment {job.environment}` again"
            ) from fault
    return found


def _predictions(job: Job, indexes: Mapping[str, Index], history: History) -> Mapping[str, float]:
    keys = dict(_keys(indexes))
    known = history.predictions(job.environment, keys)
    return {keys[key]: seconds for key, seconds in known.items()}


def _keys(indexes: Mapping[str, Index]) -> Iterator[tuple[str, str]]:
    for index in indexes.values():
        for node in index.nodes.values():
            yield build_key(node.unique_id, node.materialized, full_refresh=False), node.unique_id
