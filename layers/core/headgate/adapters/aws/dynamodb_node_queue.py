"""The shared queue in DynamoDB: one item per node, every change one conditional write.

Keys: `run#<id>` / `step#<nn>`, `step#<nn>#node#<unique_id>`, `step#<nn>#runner#<k>`. What is not done is also in
the sparse index `open`, under `ready#<priority>`, `running` or `waiting#<priority>`: its first entries are the
nodes to claim next. Every write of the hot path costs one request (docs/architecture.md, "The queue").
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

from headgate.adapters.aws import node_items as items
from headgate.adapters.aws.dynamodb_leases import DynamoDBLeases
from headgate.adapters.aws.node_items import node_key, open_key, run_key, step_key
from headgate.adapters.aws.table import TRANSACTION_LIMIT, checking, met, putting, updating
from headgate.domain.plan import OPENING
from headgate.domain.queue import UNPLANNED, NodeRecord, NodeState, StepRecord
from headgate.domain.results import NodeResult
from headgate.errors import ConflictError

# Transactions on their way at once. More would not be faster: a step lies in one partition.
_WRITERS = 4
_NEW = "attribute_not_exists(pk)"
_OWNED = "#state = :running AND #runner = :runner AND #epoch = :epoch"
_TO_READY = "SET #state = :ready, #open_sk = #ready_sk REMOVE #waits"


class DynamoDBNodeQueue(DynamoDBLeases):
    """NodeQueue on one table."""

    def write(self, step: StepRecord, nodes: Sequence[NodeRecord]) -> None:
        if self.step(step.run_id, step.step) is not None:
            return
        written = self._written(step.run_id, step.step)
        expires_at = self._expires_at()
        missing = [
            items.of_node(step.run_id, step.step, node, expires_at)
            for node in nodes
            if node_key(step.step, node.unique_id) not in written
        ]
        chunks = [
            missing[start : start + TRANSACTION_LIMIT] for start in range(0, len(missing), TRANSACTION_LIMIT)
        ]
        with ThreadPoolExecutor(_WRITERS) as pool:
            for _ in pool.map(self._put_missing, chunks):
                pass
        self._put_missing([items.of_step(step, expires_at)])

    def _written(self, run_id: int, step: int) -> set[str]:
        """What a planner that did not come to its end left here."""
        found = self._table.query(
            "#pk = :pk AND begins_with(#sk, :sk)", fields="#sk", pk=run_key(run_id), sk=node_key(step, "")
        )
        return {item["sk"] for item in found}

    def _put_missing(self, chunk: Sequence[Mapping[str, Any]]) -> None:
        """Put what is not there yet, all of it at once; whatever another planner puts meanwhile stays as it is."""
        # Transactions, not plain batches: a planner that was thought dead must not overwrite a claimed node.
        while chunk:
            try:
                self._table.transact([putting(item, _NEW) for item in chunk])
            except ConflictError:
                keys = [(item["pk"], item["sk"]) for item in chunk]
                there = {item["sk"] for item in self._table.get_all(keys, consistent=True)}
                chunk = [item for item in chunk if item["sk"] not in there]
            else:
                return

    def step(self, run_id: int, step: int) -> StepRecord | None:
        item = self._table.get(run_key(run_id), step_key(step))
        return items.to_step(run_id, step, item) if item else None

    def halt(self, run_id: int, step: int, reason: str) -> bool:
        return self._changes(
            run_key(run_id),
            step_key(step),
            "SET #halted = :reason",
            "attribute_exists(pk) AND attribute_not_exists(#halted)",
            reason=reason,
        )

    def fail_fast(self, run_id: int, step: int, unique_id: str) -> bool:
        return self._changes(
            run_key(run_id),
            step_key(step),
            "SET #failed_fast = :node",
            "attribute_exists(pk) AND attribute_not_exists(#failed_fast)",
            node=unique_id,
        )

    def open_nodes(
        self, run_id: int, step: int, *, limit: int | None = None, consistent: bool = False
    ) -> list[tuple[str, NodeState]]:
        if consistent:
            found = self._table.query(
                "#pk = :pk AND begins_with(#sk, :sk)",
                filter_by="attribute_exists(#open_pk)",
                fields="#unique_id, #state",
                limit=limit,
                pk=run_key(run_id),
                sk=node_key(step, ""),
            )
        else:
            found = self._table.query("#open_pk = :pk", index="open", limit=limit, pk=open_key(run_id, step))
        return [(item["unique_id"], NodeState(item["state"])) for item in found]

    def claim(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, at: str
    ) -> NodeRecord | None:
        token = uuid4().hex
        try:
            item = self._table.update(
                run_key(run_id),
                node_key(step, unique_id),
                "SET #state = :running, #open_sk = :open_sk, #runner = :runner, #epoch = :epoch,"
                " #started_at = :at, #claim = :token, #claims = #claims + :one",
                "#state = :ready",
                old=True,
                ready=NodeState.READY.value,
                running=NodeState.RUNNING.value,
                open_sk=f"{NodeState.RUNNING.value}#{unique_id}",
                runner=runner,
                epoch=epoch,
                at=at,
                token=token,
                one=1,
            )
        except ConflictError as fault:
            item = met(fault)
            if item.get("claim") != token:
                return None
            # boto3 sent this very claim twice because the first answer was lost: it is ours.
        return items.to_node(item)

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
        change, values = items.of_outcome(result)
        try:
            self._table.update(
                run_key(run_id),
                node_key(step, unique_id),
                f"SET #state = :done, #finished_at = :at{change} REMOVE #open_pk, #open_sk, #ready_sk, #waits",
                _OWNED,
                old=True,
                done=NodeState.DONE.value,
                running=NodeState.RUNNING.value,
                runner=runner,
                epoch=epoch,
                at=at,
                **values,
            )
        except ConflictError as fault:
            # Written before, by this owner: the answer was lost, or the caller repeats itself.
            item = met(fault)
            return (item.get("state"), item.get("runner"), item.get("epoch")) == ("done", runner, epoch)
        return True

    def record(self, run_id: int, step: int, result: NodeResult, at: str, *, last_word: bool = False) -> None:
        change, values = items.of_outcome(result)
        self._changes(
            run_key(run_id),
            node_key(step, result.unique_id),
            f"SET #state = :done, #finished_at = :at, #runner = :runner{change}, #unique_id = :unique_id,"
            " #position = if_not_exists(#position, :position), #priority = if_not_exists(#priority, :zero),"
            " #predicted_seconds = if_not_exists(#predicted_seconds, :zero), #claims = if_not_exists(#claims, :zero),"
            " #resource_type = if_not_exists(#resource_type, :type),"
            " #materialized = if_not_exists(#materialized, :type),"
            " #expires_at = if_not_exists(#expires_at, :expires_at)"
            " REMOVE #open_pk, #open_sk, #ready_sk, #waits" + ("" if "failures" in values else ", #failures"),
            "attribute_not_exists(pk) OR " + ("attribute_exists(pk)" if last_word else "#state <> :done"),
            done=NodeState.DONE.value,
            at=at,
            runner=result.runner,
            unique_id=result.unique_id,
            position=UNPLANNED,
            zero=0,
            type=result.unique_id.partition(".")[0],
            expires_at=self._expires_at(),
            **values,
        )

    def release(
        self, run_id: int, step: int, unique_id: str, parent: int, *, skip: bool, sole: bool = False
    ) -> bool:
        key = (run_key(run_id), node_key(step, unique_id))
        if sole and self._release_sole(*key, parent, skip=skip):
            return True
        waiting = NodeState.WAITING.value
        mark = "SET #skip = :skip " if skip else ""
        try:
            item = self._table.update(
                *key,
                f"{mark}DELETE #waits :parent",
                "#state = :waiting",
                waiting=waiting,
                parent={parent},
                skip=True if skip else None,
            )
        except ConflictError:
            return False
        if item.get("waits"):
            return False
        # Two writes: whoever sees the empty set makes the node ready, so a caller that dies here is only repeated.
        return self._changes(
            *key,
            _TO_READY,
            "#state = :waiting AND attribute_not_exists(#waits)",
            ready=NodeState.READY.value,
            waiting=waiting,
        )

    def _release_sole(self, pk: str, sk: str, parent: int, *, skip: bool) -> bool:
        # One write instead of two: most nodes (every test of one model) wait for one parent.
        return self._changes(
            pk,
            sk,
            "SET #state = :ready, #open_sk = #ready_sk"
            + (", #skip = :skip" if skip else "")
            + " REMOVE #waits",
            "#state = :waiting AND #waits = :parent",
            ready=NodeState.READY.value,
            waiting=NodeState.WAITING.value,
            parent={parent},
            skip=True if skip else None,
        )

    def make_ready(self, run_id: int, step: int, unique_id: str) -> bool:
        return self._changes(
            run_key(run_id),
            node_key(step, unique_id),
            _TO_READY,
            "#state = :waiting",
            ready=NodeState.READY.value,
            waiting=NodeState.WAITING.value,
        )

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
        return self._changes(
            run_key(run_id),
            node_key(step, unique_id),
            "SET #state = :waiting, #waits = :waits, #open_sk = :open_sk"
            + (", #skip = :yes" if skip else " REMOVE #skip"),
            "#state IN (:waiting, :ready) AND "
            + ("#waits = :seen" if seen else "attribute_not_exists(#waits)"),
            waiting=NodeState.WAITING.value,
            ready=NodeState.READY.value,
            waits=waits,
            seen=seen or None,
            open_sk=f"{NodeState.WAITING.value}#{unique_id}",
            yes=True if skip else None,
        )

    def hand_back(
        self, run_id: int, step: int, unique_id: str, *, runner: int, epoch: int, uncertain: bool = False
    ) -> bool:
        return self._changes(
            run_key(run_id),
            node_key(step, unique_id),
            "SET #state = :ready, #open_sk = #ready_sk"
            + (", #uncertain = :yes" if uncertain else "")
            + " REMOVE #runner, #epoch, #started_at, #claim",
            _OWNED,
            ready=NodeState.READY.value,
            running=NodeState.RUNNING.value,
            runner=runner,
            epoch=epoch,
            yes=True if uncertain else None,
        )

    def revive(
        self, run_id: int, step: int, unique_id: str, priority: float, *, runner: int, epoch: int
    ) -> bool:
        pk = run_key(run_id)
        order = f"{items.urgency(priority)}#{unique_id}"
        opened_by = checking(
            pk,
            node_key(step, OPENING),
            _OWNED,
            running=NodeState.RUNNING.value,
            runner=runner,
            epoch=epoch,
        )
        back = updating(
            pk,
            node_key(step, unique_id),
            "SET #state = :waiting, #waits = :opening, #open_pk = :open_pk, #open_sk = :open_sk,"
            " #ready_sk = :ready_sk REMOVE #status, #message, #seconds, #entry, #failures",
            "#state = :done AND #claims = :none",
            waiting=NodeState.WAITING.value,
            done=NodeState.DONE.value,
            none=0,
            opening={0},
            open_pk=open_key(run_id, step),
            open_sk=f"{NodeState.WAITING.value}#{order}",
            ready_sk=f"{NodeState.READY.value}#{order}",
        )
        try:
            self._table.transact([opened_by, back])
        except ConflictError:
            return False
        return True

    def nodes(self, run_id: int, step: int) -> list[NodeRecord]:
        found = self._table.query(
            "#pk = :pk AND begins_with(#sk, :sk)",
            fields=", ".join(f"#{name}" for name in items.NODE_FIELDS),
            pk=run_key(run_id),
            sk=node_key(step, ""),
        )
        return sorted(
            (items.to_node(item) for item in found), key=lambda node: (node.position, node.unique_id)
        )

    def results(self, run_id: int, step: int) -> list[NodeResult]:
        found = self._table.query(
            "#pk = :pk AND begins_with(#sk, :sk)",
            filter_by="attribute_exists(#entry)",
            fields="#unique_id, #position, #status, #runner, #entry",
            pk=run_key(run_id),
            sk=node_key(step, ""),
        )
        ordered = sorted(found, key=lambda item: (item["position"], item["unique_id"]))
        return [items.to_result(item) for item in ordered]
