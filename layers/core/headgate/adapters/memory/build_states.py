"""What is remembered of builds, in memory."""

from collections.abc import Iterable
from dataclasses import replace
from threading import RLock

from headgate.domain.build_state import MESSAGE_CHARS, BuildState, Hold, lost_by


class MemoryBuildStates:
    """BuildStates without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._states: dict[tuple[str, str], BuildState] = {}
        self._looks: dict[str, float] = {}

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]:
        with self._lock:
            found = {unique_id: self._states.get((environment, unique_id)) for unique_id in unique_ids}
        return {unique_id: state for unique_id, state in found.items() if state is not None}

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        with self._lock:
            before = self._states.get((environment, unique_id), BuildState(unique_id))
            if before.holder not in ("", holder, instead_of):
                return before
            held = replace(before, holder=holder, fence=before.fence + 1)
            if before.holder and before.holder == instead_of:
                # What it left behind is nothing to be reused, whatever becomes of this hold.
                held = replace(held, status="error", message=lost_by(instead_of))
            self._states[environment, unique_id] = held
            return Hold(unique_id, held.fence, before)

    def commit(self, environment: str, state: BuildState) -> bool:
        with self._lock:
            stored = self._states.get((environment, state.unique_id))
            if stored is None or stored.fence != state.fence:
                return False
            if not stored.holder:
                # Asked again after an answer that was lost: tests of this very build may have ended since.
                return stored.version == state.version
            self._store(environment, replace(state, holder=""))
            return True

    def let_go(self, environment: str, unique_id: str, fence: int, *, error: str = "") -> bool:
        with self._lock:
            state = self._states.get((environment, unique_id))
            if state is None or state.fence != fence:
                return False
            state = replace(state, holder="")
            if error:
                state = replace(state, status="error", message=error)
            self._store(environment, state)
            return True

    def _store(self, environment: str, state: BuildState) -> None:
        self._states[environment, state.unique_id] = replace(state, message=state.message[:MESSAGE_CHARS])

    def test_ended(self, environment: str, unique_id: str, version: str, test: str, *, passed: bool) -> bool:
        with self._lock:
            state = self._states.get((environment, unique_id))
            if state is None or not version or state.version != version:
                return False
            if passed:
                state = replace(state, pending=state.pending - {test}, failed=state.failed - {test})
            else:
                state = replace(state, failed=state.failed | {test})
            self._states[environment, unique_id] = state
            return True

    def record(self, environment: str, state: BuildState) -> None:
        with self._lock:
            before = self._states.get((environment, state.unique_id), BuildState(state.unique_id))
            self._store(environment, replace(state, holder=before.holder, fence=before.fence))

    def forget(self, environment: str, unique_id: str, version: str) -> bool:
        with self._lock:
            state = self._states.get((environment, unique_id))
            if state is None or not version or state.version != version:
                return False
            self._states[environment, unique_id] = replace(state, version="", seen={}, fingerprint={})
            return True

    def looked_at(self, environment: str) -> float:
        with self._lock:
            return self._looks.get(environment, 0.0)

    def record_look(self, environment: str, at: float) -> None:
        with self._lock:
            self._looks[environment] = max(at, self._looks.get(environment, 0.0))
