"""Take nodes of the shared queue, the most urgent first: hints, places, the relation, one conditional write."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush, nsmallest
from threading import Lock

from headgate.domain.instant import iso
from headgate.domain.plan import Plan
from headgate.domain.queue import Claim, NodeRecord
from headgate.ports import Clock, NodeQueue
from headgate.usecases.hold_places import Places
from headgate.usecases.hold_relations import Relations

# How long a hint is worth a try: by then the index shows the node, and whether somebody else has it.
HINT_SECONDS = 1.0


class Hints:
    """Nodes that are probably ready, though the index may not show it yet: released here, or seen a moment ago."""

    def __init__(self, clock: Clock, priority: Mapping[str, float], limit: int) -> None:
        self._clock, self._priority, self.limit = clock, priority, limit
        # (how little urgent, id, good until)
        self._heap: list[tuple[float, str, float]] = []
        self._lock = Lock()

    def add(self, unique_ids: Iterable[str]) -> None:
        until = self._clock.now() + HINT_SECONDS
        with self._lock:
            for unique_id in unique_ids:
                heappush(self._heap, (-self._priority.get(unique_id, 0.0), unique_id, until))
            if len(self._heap) > 2 * self.limit:
                # A sorted list is a heap. What is left out is found in the index.
                self._heap = nsmallest(self.limit, self._heap)

    def pop(self) -> str | None:
        """The most urgent one, or None."""
        now = self._clock.now()
        with self._lock:
            while self._heap:
                _, unique_id, until = heappop(self._heap)
                if now <= until:
                    return unique_id
        return None


class Claims:
    """What one epoch of one runner has claimed and not yet ended."""

    def __init__(
        self,
        queue: NodeQueue,
        clock: Clock,
        plan: Plan,
        runner: int,
        places: Places,
        relations: Relations,
    ) -> None:
        self._queue, self._clock, self._runner = queue, clock, runner
        self._key = (plan.run_id, plan.step)
        self._places, self._relations = places, relations
        self._epoch = 0
        self._ended = False
        # The node because of which everything else is to be skipped; it may have to be built again.
        self.culprit: str | None = None
        self._held: set[str] = set()
        # Claims that got no answer: they may be ours.
        self._doubtful: set[str] = set()
        self._lock = Lock()
        priority = {node.unique_id: node.priority for node in plan.nodes}
        self.hints = Hints(clock, priority, 2 * max(plan.runners, 4))

    def begin(self, epoch: int) -> None:
        """Forget what an earlier epoch held: it is void."""
        with self._lock:
            self._epoch, self._held, self._doubtful = epoch, set(), set()
            self._ended = False

    @property
    def held(self) -> list[str]:
        with self._lock:
            return sorted(self._held)

    def hinted(self, skip: bool) -> Claim | None:
        """Claim the most urgent hint that is still ready."""
        while (unique_id := self.hints.pop()) is not None:
            claim = self._claim(unique_id, skip)
            if claim is not None:
                return claim
        return None

    def first(self, candidates: Sequence[str], skip: bool = False) -> Claim | None:
        """Claim the first of these that is ready, may be built now and has its places; the rest become hints."""
        for tried, unique_id in enumerate(candidates, 1):
            claim = self._claim(unique_id, skip)
            if claim is not None:
                self.hints.add(candidates[tried : tried + self.hints.limit])
                return claim
        return None

    def _claim(self, unique_id: str, skip: bool) -> Claim | None:
        with self._lock:
            if unique_id in self._held:
                # Ours already: its place must not be taken, and given back, a second time.
                return None
        # What is only recorded as skipped needs neither.
        is_built = not skip or unique_id == self.culprit
        if is_built and not self._take_places_and_relation(unique_id):
            return None
        # Asking may have taken long: meanwhile the runner may have left, and given everything back.
        record = None if self._ended else self._write(unique_id)
        if record is None:
            self._give_back(unique_id)
            return None
        with self._lock:
            self._held.add(unique_id)
        hold = self._relations.hold(unique_id)
        return Claim(unique_id, record.skip or skip, record.claims, record.uncertain, hold)

    def _take_places_and_relation(self, unique_id: str) -> bool:
        if self._relations.is_refused(unique_id) or not self._places.take(unique_id):
            return False
        taken = False
        try:
            taken = self._relations.take(unique_id)
        finally:
            if not taken:
                self._places.give_back(unique_id)
        return taken

    def _give_back(self, unique_id: str, error: str = "") -> None:
        self._relations.let_go(unique_id, error)
        self._places.give_back(unique_id)

    def _write(self, unique_id: str) -> NodeRecord | None:
        self._doubtful.add(unique_id)
        record = self._queue.claim(
            *self._key, unique_id, runner=self._runner, epoch=self._epoch, at=iso(self._clock.now())
        )
        self._doubtful.discard(unique_id)
        return record

    def settle(self) -> None:
        """Undo the claims that got no answer, and give back places that are owed."""
        for unique_id in list(self._doubtful):
            self._queue.hand_back(*self._key, unique_id, runner=self._runner, epoch=self._epoch)
            self._give_back(unique_id)
            self._doubtful.discard(unique_id)
        self._places.settle()
        self._relations.settle()

    def end(self) -> None:
        """Claim nothing any more, and give back what is owed."""
        self._ended = True
        self._places.settle()
        self._relations.settle()

    def let_go(self, unique_id: str, error: str = "") -> None:
        """Its end is recorded, or it is somebody else's. error: why its relation may not be as it was."""
        # Held until its places are free: nobody here may claim it again before.
        self._give_back(unique_id, error)
        with self._lock:
            self._held.discard(unique_id)

    def hand_back(
        self, unique_ids: Iterable[str] | None, error_of: Callable[[str], str] = lambda _: ""
    ) -> list[str]:
        """Return these (or all) that are still held to the queue; those for which it happened.

        error_of: why a node's relation may not be as it was.
        """
        with self._lock:
            given = sorted(self._held if unique_ids is None else self._held.intersection(unique_ids))
        returned = []
        for unique_id in given:
            if self._queue.hand_back(*self._key, unique_id, runner=self._runner, epoch=self._epoch):
                returned.append(unique_id)
            self.let_go(unique_id, error_of(unique_id))
        return returned
