"""What is remembered of builds in DynamoDB: `state#<environment>` / `<unique_id>`, and `#look` beside them.

An attribute `holder` is there only while somebody holds the record. Items are never deleted, so fences only grow.
"""

import json
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.table import Table, met
from headgate.domain.build_state import FORMAT, MESSAGE_CHARS, BuildState, Hold, lost_by
from headgate.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

LOOK = "#look"
_AT_ONCE, _READERS = 100, 8
_HELD_WITH = "#fence = :fence AND attribute_exists(#holder)"


class DynamoDBBuildStates:
    """BuildStates on one table: one write for each hold, each commit and each end of a test."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]:
        wanted = list(dict.fromkeys(unique_ids))
        chunks = [wanted[start : start + _AT_ONCE] for start in range(0, len(wanted), _AT_ONCE)]
        if len(chunks) < 2:
            return self._read_some(environment, wanted)
        found: dict[str, BuildState] = {}
        with ThreadPoolExecutor(min(_READERS, len(chunks))) as pool:
            for some in pool.map(lambda chunk: self._read_some(environment, chunk), chunks):
                found |= some
        return found

    def _read_some(self, environment: str, unique_ids: list[str]) -> dict[str, BuildState]:
        keys = ((_key(environment), unique_id) for unique_id in unique_ids)
        items = self._table.get_all(keys, consistent=True)
        return {item["sk"]: to_state(item["sk"], item) for item in items}

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        replaced = self._replace(environment, unique_id, holder, instead_of) if instead_of else None
        if replaced is not None:
            return replaced
        try:
            item = self._table.update(
                _key(environment),
                unique_id,
                "SET #holder = :holder, #format = if_not_exists(#format, :format) ADD #fence :one",
                "attribute_not_exists(#holder) OR #holder = :holder",
                old=True,
                before=True,
                holder=holder,
                format=FORMAT,
                one=1,
            )
        except ConflictError as fault:
            return to_state(unique_id, met(fault))
        return _hold(unique_id, item)

    def _replace(self, environment: str, unique_id: str, holder: str, gone: str) -> Hold | None:
        """The hold of one that is gone. What it left behind is nothing to be reused, whatever becomes of this hold."""
        try:
            item = self._table.update(
                _key(environment),
                unique_id,
                "SET #holder = :holder, #status = :error, #message = :message ADD #fence :one",
                "#holder = :gone",
                before=True,
                holder=holder,
                gone=gone,
                error="error",
                message=lost_by(gone),
                one=1,
            )
        except ConflictError:
            return None
        return _hold(unique_id, item)

    def commit(self, environment: str, state: BuildState) -> bool:
        change, values = _whole(state, lets_go=True)
        try:
            self._table.update(
                _key(environment), state.unique_id, change, _HELD_WITH, old=True, fence=state.fence, **values
            )
        except ConflictError as fault:
            # Asked again after an answer that was lost: tests of this very build may have ended since.
            stored = to_state(state.unique_id, met(fault))
            return (stored.version, stored.fence) == (state.version, state.fence) and not stored.holder
        return True

    def let_go(self, environment: str, unique_id: str, fence: int, *, error: str = "") -> bool:
        change, values = "REMOVE #holder", {}
        if error:
            change = "SET #status = :error, #message = :message REMOVE #holder"
            values = {"error": "error", "message": error[:MESSAGE_CHARS]}
        return self._changes(environment, unique_id, change, "#fence = :fence", fence=fence, **values)

    def test_ended(self, environment: str, unique_id: str, version: str, test: str, *, passed: bool) -> bool:
        if not version:
            return False
        change = "DELETE #pending :test, #failed :test" if passed else "ADD #failed :test"
        return self._changes(
            environment, unique_id, change, "#version = :version", version=version, test={test}
        )

    def record(self, environment: str, state: BuildState) -> None:
        change, values = _whole(state, lets_go=False)
        self._table.update(_key(environment), state.unique_id, change, **values)

    def forget(self, environment: str, unique_id: str, version: str) -> bool:
        if not version:
            return False
        return self._changes(
            environment,
            unique_id,
            "SET #version = :none REMOVE #seen, #fingerprint",
            "#version = :version",
            version=version,
            none="",
        )

    def looked_at(self, environment: str) -> float:
        item = self._table.get(_key(environment), LOOK)
        return float(item["at"]) if item else 0.0

    def record_look(self, environment: str, at: float) -> None:
        self._changes(environment, LOOK, "SET #at = :at", "attribute_not_exists(#at) OR #at < :at", at=at)

    def _changes(self, environment: str, sk: str, change: str, condition: str, **values: Any) -> bool:
        try:
            self._table.update(_key(environment), sk, change, condition, **values)
        except ConflictError:
            return False
        return True


def _key(environment: str) -> str:
    return f"state#{environment}"


def _hold(unique_id: str, before: Mapping[str, Any]) -> Hold:
    state = to_state(unique_id, before)
    return Hold(unique_id, state.fence + 1, state)


def _whole(state: BuildState, *, lets_go: bool) -> tuple[str, dict[str, Any]]:
    """An update that makes the item equal to `state`; but for its hold, which may end by it."""
    values: dict[str, Any] = {
        "version": state.version,
        "relation": state.relation,
        "fingerprint": _text(state.fingerprint),
        "seen": _text(state.seen),
        "built_at": state.built_at,
        "run_id": state.run_id,
        "status": state.status,
        "message": state.message[:MESSAGE_CHARS],
        "format": state.format,
    }
    # A set cannot be empty: it is there or it is not.
    sets = {"pending": state.pending, "failed": state.failed}
    values |= {name: ids for name, ids in sets.items() if ids}
    gone = [name for name, ids in sets.items() if not ids] + ["holder"] * lets_go
    change = "SET " + ", ".join(f"#{name} = :{name}" for name in values)
    return change + (f" REMOVE {', '.join(f'#{name}' for name in gone)}" if gone else ""), values


def _text(names: Mapping[str, str]) -> str:
    """Text and not a map: ten thousand records are read in a tenth of the time."""
    return json.dumps(dict(names), separators=(",", ":"))


def to_state(unique_id: str, item: Mapping[str, Any]) -> BuildState:
    """The record in an item; attributes that nobody knows are ignored.

    Of a record of another format only who holds it is read: the rest may mean something else there.
    """
    hold = {"holder": item.get("holder", ""), "fence": item.get("fence", 0)}
    if not item:
        return BuildState(unique_id)
    if item.get("format") != FORMAT:
        return BuildState(unique_id, **hold, format=int(item.get("format") or 0))
    try:
        return BuildState(
            unique_id,
            version=item.get("version", ""),
            relation=item.get("relation", ""),
            fingerprint=json.loads(item.get("fingerprint", "{}")),
            seen=json.loads(item.get("seen", "{}")),
            built_at=float(item.get("built_at", 0.0)),
            run_id=int(item.get("run_id", 0)),
            status=item.get("status", ""),
            message=item.get("message", ""),
            pending=frozenset(item.get("pending", ())),
            failed=frozenset(item.get("failed", ())),
            **hold,
        )
    except (TypeError, ValueError):
        # Unreadable is no state: whoever asks builds.
        return BuildState(unique_id, **hold, format=0)
