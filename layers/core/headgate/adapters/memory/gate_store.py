"""What gates remember, in memory."""

from dataclasses import replace
from threading import RLock

from headgate.domain.gate_state import Arrival, GateState, taken_over, with_arrival, without_arrival


class MemoryGateStore:
    """GateStore without a service; nothing expires."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._states: dict[tuple[str, str], GateState] = {}
        self._known: set[tuple[str, str, str]] = set()

    def state(self, job: str, gate: str) -> GateState:
        with self._lock:
            return self._states.get((job, gate), GateState(job, gate))

    def arrive(self, job: str, gate: str, arrival: Arrival) -> tuple[GateState, bool]:
        with self._lock:
            known = (job, gate, arrival.event_id)
            if known in self._known:
                return self.state(job, gate), False
            self._known.add(known)
            self.replace(with_arrival(self.state(job, gate), arrival))
            return self.state(job, gate), True

    def move(self, state: GateState, arrival: Arrival, gate: str) -> GateState | None:
        with self._lock:
            if not self.replace(without_arrival(state, arrival)):
                return None
            self._known.add((state.job, gate, arrival.event_id))
            self.replace(taken_over(self.state(state.job, gate), arrival))
            return self.state(state.job, state.gate)

    def replace(self, state: GateState) -> bool:
        with self._lock:
            if self.state(state.job, state.gate).version != state.version:
                return False
            self._states[state.job, state.gate] = replace(state, version=state.version + 1)
            return True

    def open_states(self) -> list[GateState]:
        with self._lock:
            return [state for _, state in sorted(self._states.items()) if state.is_open]
