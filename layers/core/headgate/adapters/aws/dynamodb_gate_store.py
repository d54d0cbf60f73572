"""What gates remember, in DynamoDB.

Keys: `gate#<job>` / `<gate>` (index `open` while somebody has to look at it), and `<gate>#event#<event id>` of each
arrival, so that it counts once. A change holds for the version that it was made of.
"""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from random import uniform
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.table import Table, putting
from headgate.domain.gate_state import (
    Arrival,
    Counted,
    GateState,
    Opening,
    taken_over,
    with_arrival,
    without_arrival,
)
from headgate.domain.run import Cause
from headgate.errors import ConflictError, UnavailableError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# As long as a cause is remembered; events themselves are kept for seven days.
KNOWN_SECONDS = 30 * 86_400
# Of many arrivals at one gate at the same moment one is written at a time.
_ROUNDS = 60
_NEW = "attribute_not_exists(pk)"
# A sort key has 1,024 bytes.
_LONGEST_ID = 700


class DynamoDBGateStore:
    """GateStore on one table."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._table, self._clock = Table(client, table), clock

    def state(self, job: str, gate: str) -> GateState:
        item = self._table.get(_key(job), gate)
        return _to_state(item) if item else GateState(job, gate)

    def arrive(self, job: str, gate: str, arrival: Arrival) -> tuple[GateState, bool]:
        known = self._known(job, gate, arrival)
        for attempt in range(_ROUNDS):
            state = self.state(job, gate)
            changed = with_arrival(state, arrival)
            try:
                self._table.transact(
                    [putting(known, _NEW), putting(_item(changed), _unchanged(state), **_seen(state))]
                )
            except ConflictError:
                if self._table.get(known["pk"], known["sk"]):
                    return self.state(job, gate), False
                time.sleep(uniform(0.0, 0.01) * min(attempt + 1, 30))  # noqa: S311 - jitter, not a secret
            else:
                return replace(changed, version=state.version + 1), True
        raise UnavailableError(f"too much arrives at the gate {gate} of {job} at once")

    def move(self, state: GateState, arrival: Arrival, gate: str) -> GateState | None:
        here, there = without_arrival(state, arrival), self.state(state.job, gate)
        try:
            self._table.transact(
                [
                    putting(self._known(state.job, gate, arrival)),
                    putting(_item(here), _unchanged(state), **_seen(state)),
                    putting(_item(taken_over(there, arrival)), _unchanged(there), **_seen(there)),
                ]
            )
        except ConflictError:
            return None
        return replace(here, version=state.version + 1)

    def _known(self, job: str, gate: str, arrival: Arrival) -> dict[str, Any]:
        return {
            "pk": _key(job),
            "sk": _event_key(gate, arrival.event_id),
            "event_id": arrival.event_id,
            "expires_at": int(self._clock.now() + KNOWN_SECONDS),
        }

    def replace(self, state: GateState) -> bool:
        try:
            self._table.put(_item(state), _unchanged(state), **_seen(state))
        except ConflictError:
            return False
        return True

    def open_states(self) -> list[GateState]:
        return [_to_state(item) for item in self._table.query("#open_pk = :kind", index="open", kind="gate")]


def _key(job: str) -> str:
    return f"gate#{job}"


def _event_key(gate: str, event_id: str) -> str:
    short = len(event_id.encode()) <= _LONGEST_ID
    return f"{gate}#event#{event_id if short else hashlib.sha256(event_id.encode()).hexdigest()}"


def _item(state: GateState) -> dict[str, Any]:
    """The record that takes the place of the one with the state's version."""
    item = {
        "pk": _key(state.job),
        "sk": state.gate,
        "version": state.version + 1,
        "state": json.dumps(asdict(replace(state, version=0)), ensure_ascii=False, separators=(",", ":")),
    }
    return item | ({"open_pk": "gate", "open_sk": f"{state.job}#{state.gate}"} if state.is_open else {})


def _unchanged(state: GateState) -> str:
    return "#version = :seen" if state.version else _NEW


def _seen(state: GateState) -> dict[str, int]:
    return {"seen": state.version} if state.version else {}


def _to_state(item: Mapping[str, Any]) -> GateState:
    said: dict[str, Any] = json.loads(item["state"])
    opening = said["opening"]
    return GateState(
        **{
            **said,
            "version": item["version"],
            "arrivals": _arrivals(said["arrivals"]),
            "counted": _counted(said["counted"]),
            "opening": opening
            and Opening(
                _cause(opening["cause"]), _arrivals(opening["arrivals"]), _counted(opening["counted"])
            ),
        }
    )


def _arrivals(said: list[dict[str, Any]]) -> tuple[Arrival, ...]:
    return tuple(
        Arrival(tuple(one["awaited"]), _cause(one["cause"]), one["at"], one["heard_at"]) for one in said
    )


def _counted(said: list[dict[str, Any]]) -> tuple[Counted, ...]:
    return tuple(Counted(**{**one, "connectors": tuple(one["connectors"])}) for one in said)


def _cause(said: Mapping[str, Any]) -> Cause:
    return Cause(**{**said, "connectors": tuple(said["connectors"])})
