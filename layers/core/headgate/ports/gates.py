"""What gates remember of what arrived."""

from typing import Protocol

from headgate.domain.gate_state import Arrival, GateState


class GateStore(Protocol):
    """States of gates that remember something, by job and gate, and each arrival once (domain/gate_state.py)."""

    def state(self, job: str, gate: str) -> GateState:
        """Consistent; of a gate at which nothing ever arrived: an empty one."""
        ...

    def arrive(self, job: str, gate: str, arrival: Arrival) -> tuple[GateState, bool]:
        """Record it, once per job, gate and event, in one transaction with the state. False: it is known.

        It stays known for 30 days, also when the gate has opened. Raises UnavailableError while too many arrive at
        once; then nothing was recorded.
        """
        ...

    def move(self, state: GateState, arrival: Arrival, gate: str) -> GateState | None:
        """Give one arrival of this state to another gate of its job, in one transaction; there it is known from now on.

        It counts there even if it was known: it may have waited there before. Returns the state without it; None: one
        of the two changed meanwhile.
        """
        ...

    def replace(self, state: GateState) -> bool:
        """Store a state that was made of the one with this version. False: it changed meanwhile."""
        ...

    def open_states(self) -> list[GateState]:
        """Those that somebody has to look at from time to time; may lag a moment behind."""
        ...
