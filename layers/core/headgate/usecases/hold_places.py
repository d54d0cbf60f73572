"""A runner's places in the environment's pools: taken before a claim, given back after its end."""

from collections.abc import Sequence

from headgate.domain.plan import Plan
from headgate.domain.slots import Holder
from headgate.errors import UnavailableError
from headgate.ports import Clock, Slots

# How long a pool that was full is not asked again, unless a place of our own became free.
FULL_SECONDS = 1.0


class Places:
    """What one epoch of one runner holds. Without Slots, or for nodes without pools, every answer is yes."""

    def __init__(self, slots: Slots | None, clock: Clock, plan: Plan, runner: int) -> None:
        self._slots, self._clock, self._plan, self._runner = slots, clock, plan, runner
        self._epoch = 0
        # Always taken in this order, by everybody.
        self._pools = {
            node.unique_id: tuple(sorted(plan.pools.keys() & set(node.pools))) for node in plan.nodes
        }
        self._kinds = set(self._pools.values())
        self._full: dict[str, float] = {}
        # Places whose giving back got no answer.
        self._owed: set[tuple[str, str]] = set()
        self._taken: set[str] = set()

    def begin(self, epoch: int) -> None:
        """What an earlier epoch held or owed is void: others give it back."""
        self._epoch = epoch
        self._owed, self._taken = set(), set()

    def take(self, unique_id: str) -> bool:
        """Take a place in each pool of the node; False: one of them is full, and nothing was taken."""
        pools = self._pools.get(unique_id, ())
        if self._slots is None or not pools:
            return True
        if self._is_full(pools):
            return False
        tried = []
        for pool in pools:
            tried.append(pool)
            if not self._ask(pool, unique_id, tried):
                self._return(unique_id, tried[:-1])
                self._full[pool] = self._clock.now() + FULL_SECONDS
                return False
        # Owed from an earlier attempt, and now held again.
        self._owed -= {(pool, self._holder(unique_id)) for pool in pools}
        self._taken.add(unique_id)
        return True

    def _ask(self, pool: str, unique_id: str, tried: Sequence[str]) -> bool:
        assert self._slots is not None  # noqa: S101
        holder, limit = self._holder(unique_id), self._plan.pools[pool]
        try:
            return self._slots.take(self._plan.environment, pool, holder, limit)
        except UnavailableError:
            # It may have been taken all the same.
            self._owed |= {(other, holder) for other in tried}
            raise

    def give_back(self, unique_id: str) -> None:
        """Give back what the node's attempt took. What gets no answer is tried again by `settle`."""
        if unique_id in self._taken:
            self._taken.discard(unique_id)
            self._return(unique_id, self._pools[unique_id])

    def settle(self) -> None:
        """Give back what is owed. Only from the thread that takes: what it takes again meanwhile is owed no more."""
        for pool, holder in list(self._owed):
            if self._gave(pool, holder):
                self._owed.discard((pool, holder))

    def _return(self, unique_id: str, pools: Sequence[str]) -> None:
        holder = self._holder(unique_id)
        self._owed |= {(pool, holder) for pool in pools if not self._gave(pool, holder)}

    def _gave(self, pool: str, holder: str) -> bool:
        assert self._slots is not None  # noqa: S101
        try:
            self._slots.give_back(self._plan.environment, pool, [holder])
        except UnavailableError:
            return False
        self._full.pop(pool, None)
        return True

    @property
    def some_full(self) -> bool:
        """Whether a pool had no place for us a moment ago."""
        return any(until > self._clock.now() for until in self._full.values())

    @property
    def all_full(self) -> bool:
        """Whether no node of the plan could get the places it needs."""
        return all(self._is_full(pools) for pools in self._kinds)

    def _is_full(self, pools: tuple[str, ...]) -> bool:
        now = self._clock.now()
        return any(self._full.get(pool, now) > now for pool in pools)

    def _holder(self, unique_id: str) -> str:
        return str(Holder(self._plan.run_id, self._plan.step, self._runner, self._epoch, unique_id))
