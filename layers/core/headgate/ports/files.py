"""What lies in the bucket: bundles, plans, artifacts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headgate.domain.plan import Plan


class BundleStore(Protocol):
    """Published projects by content digest. Files: project.zip, and per parse manifest, partial parse, index."""

    def put(self, digest: str, files: Mapping[str, Path]) -> None:
        """Upload what is not there yet; the same digest twice is the same bundle."""
        ...

    def fetch(self, digest: str, name: str, target: Path) -> None:
        """Raises NotFoundError."""
        ...

    def read(self, digest: str, name: str) -> bytes:
        """Raises NotFoundError."""
        ...


class ArtifactStore(Protocol):
    """What a run leaves behind: plan.json, run_results.json, manifest.json per step, and its logs."""

    def put(self, run_id: int, step: int, name: str, body: bytes) -> None: ...

    def get(self, run_id: int, step: int, name: str) -> bytes:
        """Raises NotFoundError."""
        ...

    def append_log(
        self, run_id: int, step: int, runner: int, sequence: int, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        """One chunk of a runner's log. sequence: 1,000,000 times the lease's epoch + the chunk's number.

        The same sequence again replaces its chunk.
        """
        ...

    def logs(self, run_id: int, step: int) -> list[dict[str, Any]]:
        """Every line of a step, by time."""
        ...


class PlanStore(Protocol):
    """The plan of each step, by run."""

    def put_plan(self, plan: Plan) -> None: ...

    def get_plan(self, run_id: int, step: int) -> Plan:
        """Raises NotFoundError."""
        ...
