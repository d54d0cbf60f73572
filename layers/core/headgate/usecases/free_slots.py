"""Give back the places of those who cannot do it themselves: lost runners, and runs that are over."""

from collections.abc import Callable, Iterable

from headgate.domain.slots import Holder, void_holders
from headgate.ports import NodeQueue, Slots


def free_slots(
    environment: str,
    *,
    slots: Slots,
    queue: NodeQueue,
    pools: Iterable[str] | None = None,
    is_over: Callable[[int], bool] = lambda _: False,
) -> list[str]:
    """Give back every place whose holder's lease is void; returns their holders. Safe to repeat.

    pools: which ones to look at, all that somebody holds a place in by default. is_over: whether a run has its
    final status, or does not exist; its places are given back whatever its leases say.
    """
    freed: list[str] = []
    for pool in pools if pools is not None else slots.pools(environment):
        held = slots.holders(environment, pool)
        void = _void(held, queue, is_over)
        if void:
            slots.give_back(environment, pool, void)
        freed += void
    return freed


def free_slots_of(run_id: int, environment: str, *, slots: Slots) -> list[str]:
    """Give back every place of one run, once none of its runners is left; returns their holders."""
    freed: list[str] = []
    for pool in slots.pools(environment):
        own = [text for text in slots.holders(environment, pool) if _run_of(text) == run_id]
        if own:
            slots.give_back(environment, pool, own)
        freed += own
    return freed


def _void(held: list[str], queue: NodeQueue, is_over: Callable[[int], bool]) -> list[str]:
    holders = [holder for holder in map(Holder.parse, held) if holder is not None]
    over = {run for run in {holder.run_id for holder in holders} if is_over(run)}
    steps = {(holder.run_id, holder.step) for holder in holders if holder.run_id not in over}
    leases = {key: queue.runners(*key) for key in sorted(steps)}
    ended = [text for text in held if _run_of(text) in over]
    return ended + void_holders([text for text in held if text not in ended], leases)


def _run_of(text: str) -> int | None:
    holder = Holder.parse(text)
    return holder.run_id if holder else None
