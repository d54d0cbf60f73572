"""What `--state ENV` of a step stands for: the environment's last success, and what its runs left behind.

Nobody handles files: the manifest is that of the bundle that the last successful run was built from, results are those
of the environment's latest run that has ended, and sources are compared as they were then and as this run saw them.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.env_test import stands_for_environment
from headgate.domain.index import Index
from headgate.domain.run import Run
from headgate.domain.selection.earlier import Earlier
from headgate.domain.sources import SOURCES, loaded_at
from headgate.errors import ManifestError, NotFoundError, PlanError
from headgate.ports import ArtifactStore, BundleStore, JobStore, RunStore

Artifact = Mapping[str, Any]
RUN_RESULTS = "run_results.json"
# How many earlier runs are looked through for the environment's latest one.
_LOOKED_THROUGH = 50
_COMPARING = ("state:", "result:", "source_status:")


@dataclass(frozen=True, slots=True)
class Reference:
    """The environment that a step refers to. bundle: of its last success; run_id: that run, 0 while there is none."""

    environment: str
    bundle: str
    run_id: int
    notes: tuple[str, ...] = ()


def reference_of(command: Command, jobs: JobStore, own: str) -> Reference | None:
    """None without `--state` and `--defer`. own: the run's environment, which `--defer` alone refers to.

    Raises PlanError for an environment in which nothing was ever published.
    """
    state = command.state or (own if command.defer else "")
    if not state:
        return None
    try:
        bundle, run_id = jobs.last_success(state)
        return Reference(state, bundle, run_id)
    except NotFoundError:
        pass
    try:
        published = jobs.bundle_of(state)
    except NotFoundError as fault:
        raise PlanError(f"--state {state}: {fault}") from fault
    note = f"--state {state}: no run of it has succeeded yet; what is published there is referred to"
    return Reference(state, published, 0, (note,))


@dataclass(frozen=True, slots=True)
class ReadEarlier:
    """The ports this needs."""

    runs: RunStore
    bundles: BundleStore
    artifacts: ArtifactStore

    def of(
        self, reference: Reference | None, run: Run, step: int, command: Command, index: Index
    ) -> Earlier | None:
        """What this step's selection compares with; None if it does not, or names no environment."""
        if reference is None or not _compares(command, index):
            return None
        earlier = self._ended(reference.environment, before=run.run_id)
        # What was seen by the time of the last success.
        then = [one for one in earlier if one.run_id <= reference.run_id]
        own = self._artifacts(run.run_id, step - 1, SOURCES)
        return Earlier(
            index=self._index(reference, command),
            statuses=_statuses(self._first(earlier, RUN_RESULTS)),
            sources=_sources(self._first(then, SOURCES)),
            sources_now=_sources(own or self._first(earlier, SOURCES)),
        )

    def _index(self, reference: Reference, command: Command) -> Index:
        names = dict.fromkeys(
            named(digest, INDEX) for digest in (command.vars_digest, Command("build").vars_digest)
        )
        for name in names:
            try:
                return Index.decode(self.bundles.read(reference.bundle, name))
            except NotFoundError:
                continue
            except ManifestError as fault:
                raise ManifestError(f"--state {reference.environment}: {fault}") from fault
        raise PlanError(
            f"--state {reference.environment}: the bundle of its last success is no longer there: "
            f"run `headgate publish --environment {reference.environment}`"
        )

    def _ended(self, environment: str, before: int) -> list[Run]:
        """Latest first."""
        return [
            run
            for run in self.runs.list_runs(_LOOKED_THROUGH)
            if run.environment == environment
            and run.run_id < before
            and run.status.is_final
            and stands_for_environment(run)
        ]

    def _first(self, runs: Sequence[Run], name: str) -> list[Artifact]:
        """What the first of these that left any such artifact left: one that was cancelled early has none."""
        found = (self._artifacts(run.run_id, len(run.steps), name) for run in runs)
        return next(filter(None, found), [])

    def _artifacts(self, run_id: int, steps: int, name: str) -> list[Artifact]:
        """Those that its steps left, in their order."""
        found = [self._artifact(run_id, step, name) for step in range(1, steps + 1)]
        return [artifact for artifact in found if artifact is not None]

    def _artifact(self, run_id: int, step: int, name: str) -> Artifact | None:
        try:
            read: Artifact = json.loads(self.artifacts.get(run_id, step, name))
        except NotFoundError:
            return None
        return read


def _statuses(found: Sequence[Artifact]) -> dict[str, str] | None:
    entries = (entry for artifact in found for entry in artifact.get("results", ()))
    return {str(entry["unique_id"]): str(entry["status"]) for entry in entries} if found else None


def _sources(found: Sequence[Artifact]) -> dict[str, str] | None:
    return {source: at for artifact in found for source, at in loaded_at(artifact).items()} if found else None


def _compares(command: Command, index: Index) -> bool:
    texts: Iterable[str] = (*command.select, *command.exclude)
    whole = bool(command.selector) or (bool(index.default_selector) and not list(texts))
    # What selectors.yml says is not looked into: reading too much does no harm.
    return whole or any(method in text for text in texts for method in _COMPARING)
