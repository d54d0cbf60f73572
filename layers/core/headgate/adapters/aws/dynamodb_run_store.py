"""Runs in DynamoDB. The rules that must hold together are transactions: one cause makes one run; a job has one slot.

Keys: `run#<id>` / `run` (index `listing`, and `open` until its end is announced), `cause#<job>#<key>` / `run`,
`job#<name>` / `slot`, `counter` / `run`.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.run_items import run_from, run_item, run_key
from headgate.adapters.aws.table import Table, deleting, putting, updating
from headgate.domain.instant import iso
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run, RunStatus, sources_of
from headgate.domain.run_queue import steps_of
from headgate.errors import ConflictError, NotFoundError, UnavailableError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a cause is remembered: longer than any sender repeats itself.
CAUSE_SECONDS = 30 * 86_400
_CHANGES = frozenset({"error", "counts", "started_at"})
_ROUNDS = 4
# In the index `open`: runs that have ended and may not be announced yet.
_ENDED = "ended"


class DynamoDBRunStore:
    """RunStore on one table."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._table, self._clock = Table(client, table), clock

    def create_run(
        self,
        job: Job,
        bundle: str,
        cause: Cause,
        *,
        retry_of: int | None = None,
        first_step: int = 1,
        from_start: bool = False,
        also: tuple[Cause, ...] = (),
        overrides: Overrides = NO_OVERRIDES,
        on_conflict: str = "queue_all",
    ) -> tuple[Run, bool]:
        known = self._run_of(job.name, cause)
        if known is not None:
            return known, False
        run = Run(
            run_id=self._next_id(),
            job=job.name,
            environment=job.environment,
            bundle=bundle,
            steps=steps_of(job, (cause, *also)),
            cause=cause,
            status=RunStatus.QUEUED,
            created_at=iso(self._clock.now()),
            retry_of=retry_of,
            first_step=first_step,
            from_start=from_start,
            also=also,
            on_conflict=on_conflict,
            priority=job.priority,
            overrides=overrides,
        )
        remembered = {
            "pk": _cause_key(job.name, cause),
            "sk": "run",
            "run_id": run.run_id,
            "expires_at": int(self._clock.now() + CAUSE_SECONDS),
        }
        new = "attribute_not_exists(pk)"
        try:
            self._table.transact([putting(remembered, new), putting(run_item(run), new)])
        except ConflictError:
            known = self._run_of(job.name, cause)
            if known is None:
                raise
            return known, False
        return run, True

    def _run_of(self, job: str, cause: Cause) -> Run | None:
        item = self._table.get(_cause_key(job, cause), "run")
        return self.get_run(item["run_id"]) if item else None

    def _next_id(self) -> int:
        # Gaps are fine: an id that lost its race is never used.
        return int(self._table.update("counter", "run", "ADD #last :one", one=1)["last"])

    def get_run(self, run_id: int) -> Run:
        item = self._table.get(run_key(run_id), "run")
        if item is None:
            raise NotFoundError(f"run {run_id} does not exist")
        return run_from(item)

    def list_runs(self, limit: int = 20, job: str | None = None) -> list[Run]:
        only = {"filter_by": "#job = :job", "job": job} if job is not None else {}
        found = self._table.query(
            "#listing_pk = :kind", index="listing", limit=limit, descending=True, kind="run", **only
        )
        return [run_from(item) for item in found]

    def active_runs(self) -> list[Run]:
        return [run_from(item) for item in self._table.query("#open_pk = :kind", index="open", kind="run")]

    def take_slot(self, run: Run) -> bool:
        slot = {
            "pk": f"job#{run.job}",
            "sk": "slot",
            "run_id": run.run_id,
            "taken_at": iso(self._clock.now()),
        }
        start = updating(
            run_key(run.run_id),
            "run",
            "SET #status = :starting",
            "#status = :queued AND attribute_not_exists(#cancel)",
            starting=RunStatus.STARTING.value,
            queued=RunStatus.QUEUED.value,
        )
        free = putting(slot, "attribute_not_exists(pk) OR #run_id = :run_id", run_id=run.run_id)
        try:
            self._table.transact([start, free])
        except ConflictError:
            return False
        return True

    def request_cancel(self, run_id: int, reason: str) -> bool:
        try:
            self._table.update(
                run_key(run_id),
                "run",
                "SET #cancel = :reason",
                "attribute_not_exists(#cancel) AND #status IN (:queued, :starting, :running)",
                reason=reason,
                queued=RunStatus.QUEUED.value,
                starting=RunStatus.STARTING.value,
                running=RunStatus.RUNNING.value,
            )
        except ConflictError:
            self.get_run(run_id)  # a run that does not exist is another matter
            return False
        return True

    def record_execution(self, run_id: int, execution_arn: str) -> None:
        try:
            self._table.update(
                run_key(run_id),
                "run",
                "SET #execution_arn = :arn",
                "attribute_exists(pk)",
                arn=execution_arn,
            )
        except ConflictError as fault:
            raise NotFoundError(f"run {run_id} does not exist") from fault

    def move(self, run_id: int, target: RunStatus, **changes: object) -> bool:
        if unknown := changes.keys() - _CHANGES:
            raise TypeError(f"a move cannot change {', '.join(sorted(unknown))}")
        for _ in range(_ROUNDS):
            run = self.get_run(run_id)
            if run.status not in sources_of(target):
                return False
            try:
                self._table.transact(self._moving(run, target, changes))
            except ConflictError:
                continue  # it moved meanwhile: look again whether it still may
            return True
        raise UnavailableError(f"run {run_id} keeps changing")

    def unannounced(self) -> list[Run]:
        return [run_from(item) for item in self._table.query("#open_pk = :kind", index="open", kind=_ENDED)]

    def record_announced(self, run_id: int) -> None:
        try:
            self._table.update(
                run_key(run_id), "run", "REMOVE #open_pk, #open_sk", "#open_pk = :ended", ended=_ENDED
            )
        except ConflictError:
            self.get_run(run_id)  # somebody did already, unless it does not exist

    def _moving(self, run: Run, target: RunStatus, changes: Mapping[str, object]) -> list[dict[str, Any]]:
        now = iso(self._clock.now())
        values: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        if target is RunStatus.RUNNING:
            values.setdefault("started_at", now)
        if target.is_final:
            values["finished_at"] = now
        change = "SET #status = :target" + "".join(f", #{name} = :{name}" for name in values)
        if target.is_final:
            change += ", #open_pk = :ended"
            values["ended"] = _ENDED
        # Exactly the status that was read: so what was read about the slot holds as well.
        moved = updating(
            run_key(run.run_id),
            "run",
            change,
            "#status = :seen",
            target=target.value,
            seen=run.status.value,
            **values,
        )
        return [moved, *(self._freeing(run) if target.is_final else ())]

    def _freeing(self, run: Run) -> list[dict[str, Any]]:
        slot = self._table.get(f"job#{run.job}", "slot")
        if slot is None or slot["run_id"] != run.run_id:
            return []
        return [deleting(f"job#{run.job}", "slot", "#run_id = :run_id", run_id=run.run_id)]


def _cause_key(job: str, cause: Cause) -> str:
    return f"cause#{job}#{cause.key}"
