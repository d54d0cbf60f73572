"""A step's shared queue, and places in pools."""

from collections.abc import Sequence
from typing import Protocol

from headgate.domain.queue import NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import NodeResult


class NodeQueue(Protocol):
    """The shared queue's primitives. All are conditional writes; the rules are in domain/queue.py."""

    def write(self, step: StepRecord, nodes: Sequence[NodeRecord]) -> None:
        """Write a step's queue; the step record comes last and says that it is whole."""
        ...

    def step(self, run_id: int, step: int) -> StepRecord | None: ...

    def halt(self, run_id: int, step: int, reason: str) -> bool:
        """Stop handing out nodes. The first reason stays."""
        ...

    def fail_fast(self, run_id: int, step: int, unique_id: str) -> bool:
        """Everything that has not begun is to be skipped because of this node. The first one stays."""
        ...

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        """Nodes that are not done, attached ones left out: ready ones first, highest priority first.

        May lag behind the latest writes unless `consistent`, which reads the whole step and sorts nothing.
        """
        ...

    def claim(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, at: str
    ) -> NodeRecord | None:
        """Take a ready node; None: it is no longer ready."""
        ...

    def finish(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        result: NodeResult | None,
        *,
        runner: int,
        epoch: int,
        at: str,
    ) -> bool:
        """Record the end of a running node. False: another owner or a stale epoch. (result None: the step's own)"""
        ...

    def record(self, run_id: int, step: int, result: NodeResult, at: str, *, last_word: bool = False) -> None:
        """Record a result that has no turn of its own in the queue: a unit test, a hook's operation.

        The first one stays, unless this is the last word: a step that is one command repeats itself.
        """
        ...

    def release(
        self, run_id: int, step: int, unique_id: str, parent: int, *, skip: bool, sole: bool = False
    ) -> bool:
        """Delete a parent's position from a waiting set. True: the node became ready by it.

        sole: the node was planned with this parent alone, so that one write is likely to be enough.
        """
        ...

    def make_ready(self, run_id: int, step: int, unique_id: str) -> bool:
        """Waiting to ready, whatever it waits for: for the closing, and in a repair that saw all parents done."""
        ...

    def correct(
        self,
        run_id: int,
        step: int,
        unique_id: str,
        *,
        seen: frozenset[int],
        waits: frozenset[int],
        skip: bool,
    ) -> bool:
        """Give a waiting or ready node the waiting set and the mark that it should have; it waits then.

        Only while its waiting set is still as seen (a ready node's is empty) and nobody has claimed it. `waits` is
        not empty: see `release` and `make_ready`.
        """
        ...

    def hand_back(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, uncertain: bool = False
    ) -> bool:
        """Running to ready, if this owner and epoch still hold it.

        uncertain: nobody knows whether the attempt wrote something; the record says so from then on.
        """
        ...

    def revive(
        self, run_id: int, step: int, unique_id: str, priority: float, *, runner: int, epoch: int
    ) -> bool:
        """Done from the beginning (reused) to waiting for the opening, without a result.

        Only while this runner and epoch do the opening, so that nobody has begun what depends on it. False: they do
        not, or the node has, or had, a turn.
        """
        ...

    def nodes(self, run_id: int, step: int) -> list[NodeRecord]:
        """All records of a step, consistent, in order of position; results without their compiled code."""
        ...

    def results(self, run_id: int, step: int) -> list[NodeResult]:
        """All recorded results of a step with everything in them, operations and unit tests included."""
        ...

    def take_lease(self, run_id: int, step: int, runner: int, until: float, *, at: float = 0.0) -> int:
        """Begin a lease at `at`, by the runner's clock; returns its epoch, one higher than any before."""
        ...

    def renew_lease(self, run_id: int, step: int, runner: int, epoch: int, until: float) -> bool:
        """False: the lease was taken over."""
        ...

    def end_lease(self, run_id: int, step: int, runner: int, epoch: int, error: str | None) -> bool: ...

    def expire_lease(self, run_id: int, step: int, seen: RunnerRecord) -> bool:
        """Take over a lease that ran out: raises its epoch if it is still as seen. The caller hands back its claims."""
        ...

    def runners(self, run_id: int, step: int) -> list[RunnerRecord]: ...


class Slots(Protocol):
    """Places in an environment's pools: how many nodes may run on the warehouse at once, over all runs.

    A holder is one attempt of one node (domain/slots.py). Taking twice and giving back twice change nothing.
    """

    def take(self, environment: str, pool: str, holder: str, limit: int) -> bool:
        """Take a place unless `limit` others hold one. True also when this holder has one already."""
        ...

    def give_back(self, environment: str, pool: str, holders: Sequence[str]) -> None: ...

    def holders(self, environment: str, pool: str) -> list[str]:
        """Consistent, in no order."""
        ...

    def pools(self, environment: str) -> list[str]:
        """The pools in which somebody holds a place."""
        ...
