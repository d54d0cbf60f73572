"""What is remembered from run to run: builds, data in sources, durations."""

from collections.abc import Iterable, Mapping
from typing import Protocol

from headgate.domain.build_state import BuildState, Hold
from headgate.domain.sync import Observation, Sync


class BuildStates(Protocol):
    """What is remembered of each node's last build, by environment; and who builds it now (domain/build_state.py)."""

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]:
        """Those that there are. Consistent."""
        ...

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        """Become the only one who may build it. The record as it is, with its holder, while somebody else holds it.

        Whoever holds it already gets a new hold. instead_of: a holder that is known to be gone; the record is
        unhealthy from then on (status `error`), until a commit.
        """
        ...

    def commit(self, environment: str, state: BuildState) -> bool:
        """Store the build that was held with `state.fence`, and let go; asked again, the same answer.

        False: that hold is not the last one.
        """
        ...

    def let_go(self, environment: str, unique_id: str, fence: int, *, error: str = "") -> bool:
        """End a hold without a build. error: why the relation may not be as it was; the state is unhealthy then.

        False: that hold is not the last one. Asked again, the same answer.
        """
        ...

    def test_ended(self, environment: str, unique_id: str, version: str, test: str, *, passed: bool) -> bool:
        """A test of this build ended: it no longer stands in its way, or it does. False: another build came since."""
        ...

    def record(self, environment: str, state: BuildState) -> None:
        """Store what nobody has to hold: the last end of a test. A hold and its fence stay as they are."""
        ...

    def forget(self, environment: str, unique_id: str, version: str) -> bool:
        """Its relation is not there: the build no longer counts. False: another build came since."""
        ...

    def looked_at(self, environment: str) -> float:
        """When a runner last saw which relations are there (epoch seconds); 0: never."""
        ...

    def record_look(self, environment: str, at: float) -> None: ...


class Freshness(Protocol):
    """What is known of the data in sources. Syncs are kept for 90 days."""

    def record_sync(self, sync: Sync, *, new_data: bool = True) -> None:
        """The same sync again changes nothing; an older one than the last does not replace it.

        new_data: False when it brought nothing: the last one that did stays, and is known to be the last as of then.
        """
        ...

    def syncs(self) -> dict[str, Sync]:
        """Connector -> its last sync."""
        ...

    def syncs_since(self, at: float) -> list[Sync]:
        """Every sync that ended after this moment, oldest first."""
        ...

    def observe(self, environment: str, seen: Iterable[Observation]) -> None: ...

    def observations(self, environment: str) -> dict[str, Observation]:
        """Source -> what was seen last."""
        ...


class History(Protocol):
    """Durations of builds in earlier runs of an environment, for prediction (keys: domain/prediction.build_key)."""

    def predictions(self, environment: str, keys: Iterable[str]) -> dict[str, float]:
        """key -> seconds, for those that were built before."""
        ...

    def learn(self, environment: str, seconds: Mapping[str, float]) -> None: ...
