"""Who holds a place of a job, of an environment, of the stack: actions for the run store's transactions.

Keys: `job#<name>`, `environment#<name>`, `account` / `slot`. `holders` is a set, so that taking and giving back never
count anybody twice. A version before wrote the job's only holder as `run_id`; it counts until it leaves.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from headgate.adapters.aws.table import Table, deleting, updating
from headgate.domain.run import Run
from headgate.domain.run_queue import Limits, Scope, Start, scopes_of

_SLOT = "slot"


class RunPlaces:
    """What to write when a run takes its places, and when it leaves them."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def taking(self, run: Run, limits: Limits) -> tuple[Start, list[dict[str, Any]], list[str]]:
        """Whether there is room for it, the actions that take it, and the names of what it holds then."""
        scopes = scopes_of(run, limits)
        actions = []
        for scope, slot in zip(scopes, self._slots(scope.name for scope in scopes), strict=True):
            earlier = slot.get("run_id")
            room = scope.limit - (earlier is not None)
            if len(slot.get("holders", ())) >= room:
                return scope.full, [], []
            actions.append(_taking(run, scope, room, earlier))
        return Start.TAKEN, actions, [scope.name for scope in scopes]

    def freeing(self, run_id: int, held: Iterable[str]) -> list[dict[str, Any]]:
        """held: the names of what it may hold a place of."""
        names = list(held)
        found = zip(names, self._slots(names), strict=True)
        return [action for name, slot in found for action in _freeing(run_id, name, slot)]

    def holders(self, job: str) -> list[int]:
        """The runs of a job that are in progress."""
        [slot] = self._slots([f"job#{job}"])
        earlier = slot.get("run_id")
        return sorted({*slot.get("holders", ()), *([earlier] if earlier is not None else [])})

    def _slots(self, names: Iterable[str]) -> list[dict[str, Any]]:
        return [self._table.get(name, _SLOT) or {} for name in names]


def _taking(run: Run, scope: Scope, room: int, earlier: int | None) -> dict[str, Any]:
    # Whoever came since it was read counts as well: the condition is what keeps the limit.
    there_is_room = "(attribute_not_exists(#holders) OR size(#holders) < :room)"
    same = "attribute_not_exists(#run_id)" if earlier is None else "#run_id = :earlier"
    given: dict[str, Any] = {"room": room, "me": {run.run_id}}
    if earlier is not None:
        given["earlier"] = earlier
    return updating(scope.name, _SLOT, "ADD #holders :me", f"{same} AND {there_is_room}", **given)


def _freeing(run_id: int, name: str, slot: Mapping[str, Any]) -> list[dict[str, Any]]:
    holders = slot.get("holders", set())
    if run_id in holders:
        # An item without holders would stop a version before from ever starting the job.
        if len(holders) == 1 and "run_id" not in slot:
            return [deleting(name, _SLOT, "#holders = :only AND attribute_not_exists(#run_id)", only=holders)]
        return [updating(name, _SLOT, "DELETE #holders :me", me={run_id})]
    if slot.get("run_id") != run_id:
        return []
    if holders:
        return [updating(name, _SLOT, "REMOVE #run_id", "#run_id = :mine", mine=run_id)]
    return [
        deleting(name, _SLOT, "#run_id = :mine AND attribute_not_exists(#holders)", mine=run_id),
    ]
