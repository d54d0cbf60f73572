"""A runner's holds: the right to be the only one who builds a relation, over all runs of an environment.

Taken before a claim, after the places in pools, and given back with them when it is refused: nobody who waits holds
anything, so that no two can wait for each other. It ends with the commit of the build, or without one.
"""

from collections.abc import Callable
from threading import Lock

from headgate.domain.build_state import BuildState, Hold
from headgate.domain.plan import Plan
from headgate.domain.queue import REAPER_MARGIN_SECONDS, RunnerRecord, expired
from headgate.domain.slots import Holder, void_holders
from headgate.errors import UnavailableError
from headgate.ports import BuildStates, Clock, NodeQueue
from headgate.usecases.watch_leases import LeaseWatch

# How long a relation that somebody else builds is not asked for again, and how long what was read of leases counts.
HELD_SECONDS = 1.0
# How long ago a lease must have run out that nobody here has watched: both its runner's clock and ours may be wrong.
LONG_AGO_SECONDS = 2 * REAPER_MARGIN_SECONDS

Tell = Callable[[str, str], None]


def say_nothing(_unique_id: str, _text: str) -> None:
    """To nobody."""


class Relations:
    """What one epoch of one runner holds. Without BuildStates, or for nodes without a relation, every answer is yes.

    tell: says (unique_id, text) to whoever reads the log.
    """

    def __init__(
        self,
        states: BuildStates | None,
        queue: NodeQueue,
        clock: Clock,
        plan: Plan,
        runner: int,
        tell: Tell = say_nothing,
    ) -> None:
        self._states, self._clock, self._plan, self._runner = states, clock, plan, runner
        self._tell = tell
        self._epoch = 0
        self._relations = {node.unique_id for node in plan.nodes if node.relation} if states else set()
        self._lost = _LostHolders(queue, clock, (plan.run_id, plan.step), runner)
        self._held: dict[str, Hold] = {}
        self._refused: dict[str, float] = {}
        # unique_id -> whom it was said to wait for.
        self._said: dict[str, str] = {}
        # Holds that got no answer: they may be ours. And those whose end got none, with what it was to say.
        self._doubtful: set[str] = set()
        self._owed: dict[str, tuple[int, str]] = {}
        self._lock = Lock()

    def begin(self, epoch: int) -> None:
        """What an earlier epoch held is void: whoever builds it next replaces it."""
        with self._lock:
            self._epoch = epoch
            self._held, self._refused, self._owed, self._doubtful = {}, {}, {}, set()

    def hold(self, unique_id: str) -> Hold | None:
        """The hold that this runner has."""
        return self._held.get(unique_id)

    def is_refused(self, unique_id: str) -> bool:
        """Whether somebody else held it a moment ago."""
        return self._refused.get(unique_id, 0.0) > self._clock.now()

    @property
    def some_refused(self) -> bool:
        """Whether anything was held by somebody else a moment ago."""
        now = self._clock.now()
        return any(until > now for until in self._refused.values())

    def take(self, unique_id: str) -> bool:
        """Hold the node's relation; False: somebody else builds it now, and nothing was taken."""
        if self._states is None or unique_id not in self._relations:
            return True
        if self.is_refused(unique_id):
            return False
        answer = self._ask(unique_id)
        if isinstance(answer, BuildState) and self._lost.is_gone(answer.holder):
            answer = self._ask(unique_id, instead_of=answer.holder)
        if isinstance(answer, BuildState):
            self._refuse(unique_id, answer.holder)
            return False
        with self._lock:
            self._held[unique_id] = answer
            self._owed.pop(unique_id, None)
            self._refused.pop(unique_id, None)
        return True

    def _ask(self, unique_id: str, instead_of: str = "") -> Hold | BuildState:
        assert self._states is not None  # noqa: S101
        self._doubtful.add(unique_id)
        answer = self._states.hold(
            self._plan.environment, unique_id, self._holder(unique_id), instead_of=instead_of
        )
        self._doubtful.discard(unique_id)
        return answer

    def _refuse(self, unique_id: str, holder: str) -> None:
        self._refused[unique_id] = self._clock.now() + HELD_SECONDS
        by = Holder.parse(holder)
        if by is not None and by.run_id != self._plan.run_id and self._said.get(unique_id) != holder:
            self._said[unique_id] = holder
            self._tell(unique_id, f"waits for run {by.run_id}, which builds it")

    def committed(self, unique_id: str) -> None:
        """Its build was committed, which ended the hold."""
        with self._lock:
            self._held.pop(unique_id, None)

    def let_go(self, unique_id: str, error: str = "") -> None:
        """End a hold without a commit; what gets no answer is tried again by `settle`.

        error: why the relation may not be as it was.
        """
        with self._lock:
            hold = self._held.pop(unique_id, None)
        if hold is not None and not self._gone(unique_id, hold.fence, error):
            self._owed[unique_id] = (hold.fence, error)

    def settle(self) -> None:
        """End what is owed. Only from the thread that takes: what it takes again meanwhile is owed no more."""
        for unique_id in sorted(self._doubtful):
            self._find_out(unique_id)
        for unique_id, (fence, error) in list(self._owed.items()):
            if self._gone(unique_id, fence, error):
                self._owed.pop(unique_id, None)

    def _find_out(self, unique_id: str) -> None:
        assert self._states is not None  # noqa: S101
        state = self._states.read(self._plan.environment, [unique_id]).get(unique_id)
        self._doubtful.discard(unique_id)
        if state is not None and state.holder == self._holder(unique_id) and unique_id not in self._held:
            self._owed[unique_id] = (state.fence, "")

    def _gone(self, unique_id: str, fence: int, error: str) -> bool:
        assert self._states is not None  # noqa: S101
        try:
            self._states.let_go(self._plan.environment, unique_id, fence, error=error)
        except UnavailableError:
            return False
        return True

    def _holder(self, unique_id: str) -> str:
        return str(Holder(self._plan.run_id, self._plan.step, self._runner, self._epoch, unique_id))


class _LostHolders:
    """Whose holds count for nothing: their lease ended, began again, ran out while it was watched, or is not there.

    That a run is over says nothing: a runner of it that was frozen may still have its query on the warehouse.
    """

    def __init__(self, queue: NodeQueue, clock: Clock, own: tuple[int, int], runner: int) -> None:
        self._queue, self._clock, self._own, self._runner = queue, clock, own, runner
        self._watches: dict[tuple[int, int], LeaseWatch] = {}
        self._read: dict[tuple[int, int], tuple[float, list[RunnerRecord]]] = {}

    def is_gone(self, text: str) -> bool:
        holder = Holder.parse(text)
        if holder is None:
            return True
        key = (holder.run_id, holder.step)
        return bool(void_holders([text], {key: self._leases(key)}))

    def _leases(self, key: tuple[int, int]) -> list[RunnerRecord]:
        until, records = self._read.get(key, (0.0, []))
        if until <= self._clock.now():
            records = self._look(key)
            self._read[key] = (self._clock.now() + HELD_SECONDS, records)
        return records

    def _look(self, key: tuple[int, int]) -> list[RunnerRecord]:
        if key not in self._watches:
            runner = self._runner if key == self._own else 0
            self._watches[key] = LeaseWatch(self._queue, self._clock, key, runner)
            # Nobody has to watch how one that ran out long ago stays as it is.
            old = [] if key == self._own else self._queue.runners(*key)
            for record in expired(old, self._clock.now(), LONG_AGO_SECONDS):
                self._queue.expire_lease(*key, record)
        return self._watches[key].expire()
