"""Who holds a place in a pool: one attempt of one node, named so that its lease can be looked up.

A place belongs to the epoch of a runner's lease. Once that epoch is void, whoever held it has stopped its query
(a runner is fenced before its lease ends), and anybody may give the place back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from headgate.domain.queue import RunnerRecord, void_epochs


@dataclass(frozen=True, slots=True)
class Holder:
    """One attempt of one node. Its text is what a pool stores: `<run>#<step>#<runner>#<epoch>#<unique_id>`."""

    run_id: int
    step: int
    runner: int
    epoch: int
    unique_id: str

    def __str__(self) -> str:
        return f"{self.run_id}#{self.step}#{self.runner}#{self.epoch}#{self.unique_id}"

    @classmethod
    def parse(cls, text: str) -> "Holder | None":
        """None: this is no holder's text."""
        *numbers, unique_id = text.split("#", 4)
        if len(numbers) != 4 or not all(number.isascii() and number.isdigit() for number in numbers):
            return None
        run_id, step, runner, epoch = map(int, numbers)
        return cls(run_id, step, runner, epoch, unique_id)


def void_holders(
    holders: Iterable[str], leases: Mapping[tuple[int, int], Iterable[RunnerRecord]]
) -> list[str]:
    """Those of `holders` that hold for nobody: their epoch is void, there is no such lease, or they name no attempt.

    leases: (run, step) -> the leases of its runners; holders of any other step are left alone.
    """
    records = {key: list(runners) for key, runners in leases.items()}
    known = {key: {record.runner for record in runners} for key, runners in records.items()}
    void = {key: void_epochs(runners) for key, runners in records.items()}
    return [text for text in holders if _is_void(Holder.parse(text), known, void)]


def _is_void(
    holder: Holder | None,
    known: Mapping[tuple[int, int], set[int]],
    void: Mapping[tuple[int, int], Mapping[int, int]],
) -> bool:
    if holder is None:
        return True
    key = (holder.run_id, holder.step)
    if key not in known:
        return False
    return holder.runner not in known[key] or holder.epoch < void[key].get(holder.runner, 0)
