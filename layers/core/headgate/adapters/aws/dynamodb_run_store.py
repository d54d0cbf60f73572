"""Runs in DynamoDB. The rules that must hold together are transactions: one cause makes one run, one run answers for
those whose place it takes, and no more of them are in progress than may be.

Keys: `run#<id>` / `run` (index `listing`, and `open` until its end is announced), `cause#<job>#<key>` / `run`,
`job#<name>` / `queue` (the run that entered last by a rule), `counter` / `run`; places: run_places.py.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from headgate.adapters.aws.dynamodb_activities import ACTIVITY
from headgate.adapters.aws.run_items import ENDED, run_from, run_item, run_key
from headgate.adapters.aws.run_places import RunPlaces
from headgate.adapters.aws.table import Table, putting, updating
from headgate.domain.instant import iso
from headgate.domain.job import Job
from headgate.domain.overrides import NO_OVERRIDES, Overrides
from headgate.domain.run import Cause, Run, RunStatus, sources_of
from headgate.domain.run_queue import (
    ONE_OF_A_JOB,
    QUEUE_ALL,
    QUEUE_LATEST,
    Entry,
    Limits,
    Start,
    enter,
    steps_of,
)
from headgate.errors import ConflictError, NotFoundError, UnavailableError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# How long a cause is remembered: longer than any sender repeats itself.
CAUSE_SECONDS = 30 * 86_400
_CHANGES = frozenset({"error", "counts", "started_at"})
# How often what was read may turn out to be out of date: by then so many others got on.
_ROUNDS = 12
_QUEUE = "queue"


class DynamoDBRunStore:
    """RunStore on one table."""

    def __init__(self, client: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._table, self._clock = Table(client, table), clock
        self._places = RunPlaces(self._table)

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
        known = self.run_of(job.name, cause)
        if known is not None:
            return known, False
        new = Run(
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
        for _ in range(_ROUNDS):
            last = None if on_conflict == QUEUE_ALL else self._last_entered(job.name)
            entry = enter(new, job, self._others(new, last))
            try:
                self._table.transact(self._entering(entry, last))
            except ConflictError:
                known = self.run_of(job.name, cause)
                if known is not None:
                    return known, False
                continue  # somebody entered, started or ended meanwhile: decide anew
            return entry.run, True
        raise UnavailableError(f"the queue of {job.name} keeps changing")

    def _last_entered(self, job: str) -> int | None:
        item = self._table.get(f"job#{job}", _QUEUE)
        return None if item is None else int(item["run_id"])

    def _others(self, new: Run, last: int | None) -> list[Run]:
        """Runs of the same job that its rule may concern: every one of them was read just now."""
        found = set() if last is None else {last}
        if new.on_conflict not in (QUEUE_ALL, QUEUE_LATEST):
            found |= set(self._places.holders(new.job))
            found |= {run.run_id for run in self.active_runs() if run.job == new.job}
        return [self.get_run(run_id) for run_id in sorted(found)]

    def _entering(self, entry: Entry, last: int | None) -> list[dict[str, Any]]:
        new, absent = entry.run, "attribute_not_exists(pk)"
        remembered = {
            "pk": _cause_key(new.job, new.cause),
            "sk": "run",
            "run_id": new.run_id,
            "expires_at": int(self._clock.now() + CAUSE_SECONDS),
        }
        actions = [putting(remembered, absent), putting(run_item(new), absent)]
        if new.on_conflict != QUEUE_ALL and not new.status.is_final:
            entered = {"pk": f"job#{new.job}", "sk": _QUEUE, "run_id": new.run_id}
            known = {} if last is None else {"last": last}
            actions.append(putting(entered, absent if last is None else "#run_id = :last", **known))
        return [
            *actions,
            *(_superseding(run, entry) for run in entry.superseded),
            *(_stopping(run, entry) for run in entry.stopped),
        ]

    def run_of(self, job: str, cause: Cause) -> Run | None:
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

    def take_slot(self, run: Run, limits: Limits = ONE_OF_A_JOB) -> Start:
        for _ in range(_ROUNDS):
            item = self._table.get(run_key(run.run_id), "run")
            if item is None or item["status"] != RunStatus.QUEUED or "cancel" in item:
                return Start.NOT_QUEUED
            answer, actions, held = self._places.taking(run, limits)
            if not answer:
                return answer
            start = updating(
                run_key(run.run_id),
                "run",
                "SET #status = :starting, #held = :held",
                "#status = :queued AND attribute_not_exists(#cancel)",
                starting=RunStatus.STARTING.value,
                queued=RunStatus.QUEUED.value,
                held=held,
            )
            try:
                self._table.transact([start, *actions])
            except ConflictError:
                continue  # it, or its place, went to somebody: look again
            return Start.TAKEN
        raise UnavailableError(f"places of {run.job} keep changing")

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
            item = self._table.get(run_key(run_id), "run")
            if item is None:
                raise NotFoundError(f"run {run_id} does not exist")
            if RunStatus(item["status"]) not in sources_of(target):
                return False
            try:
                self._table.transact(self._moving(item, target, changes))
            except ConflictError:
                continue  # it moved meanwhile: look again whether it still may
            return True
        raise UnavailableError(f"run {run_id} keeps changing")

    def unannounced(self) -> list[Run]:
        return [run_from(item) for item in self._table.query("#open_pk = :kind", index="open", kind=ENDED)]

    def record_announced(self, run_id: int) -> None:
        try:
            self._table.update(
                run_key(run_id), "run", "REMOVE #open_pk, #open_sk", "#open_pk = :ended", ended=ENDED
            )
        except ConflictError:
            self.get_run(run_id)  # somebody did already, unless it does not exist

    def _moving(
        self, item: Mapping[str, Any], target: RunStatus, changes: Mapping[str, object]
    ) -> list[dict[str, Any]]:
        now = iso(self._clock.now())
        values: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
        if target is RunStatus.RUNNING:
            values.setdefault("started_at", now)
        if target.is_final:
            values["finished_at"] = now
        change = "SET #status = :target" + "".join(f", #{name} = :{name}" for name in values)
        if target.is_final:
            change += ", #open_pk = :ended"
            values["ended"] = ENDED
        # Exactly the status that was read: so what was read about its places holds as well.
        moved = updating(
            item["pk"],
            "run",
            change,
            "#status = :seen",
            target=target.value,
            seen=item["status"],
            **values,
        )
        if not target.is_final:
            return [moved]
        # A version before started it without saying what it holds: its job's slot.
        held = item.get("held", [f"job#{item['job']}"])
        return [moved, *self._places.freeing(item["run_id"], held), *_counting(item["job"], target)]


def _superseding(run: Run, entry: Entry) -> dict[str, Any]:
    return updating(
        run_key(run.run_id),
        "run",
        "SET #status = :cancelled, #error = :error, #superseded_by = :by, #finished_at = :at, #open_pk = :ended",
        "#status = :queued AND attribute_not_exists(#cancel)",
        cancelled=RunStatus.CANCELLED.value,
        queued=RunStatus.QUEUED.value,
        error=entry.superseding_text,
        by=entry.run.run_id,
        at=entry.run.created_at,
        ended=ENDED,
    )


def _stopping(run: Run, entry: Entry) -> dict[str, Any]:
    return updating(
        run_key(run.run_id),
        "run",
        "SET #cancel = :reason, #superseded_by = :by",
        "#status IN (:starting, :running) AND attribute_not_exists(#cancel)",
        reason=entry.stopping_text,
        by=entry.run.run_id,
        starting=RunStatus.STARTING.value,
        running=RunStatus.RUNNING.value,
    )


def _counting(job: str, end: RunStatus) -> list[dict[str, Any]]:
    """How the job fares from now on (dynamodb_activities)."""
    if end is RunStatus.CANCELLED:
        return []
    if end is RunStatus.ERROR:
        return [updating(f"job#{job}", ACTIVITY, "ADD #failures :one", one=1)]
    return [
        updating(f"job#{job}", ACTIVITY, "SET #failures = :none REMOVE #deactivated_at", none=0),
    ]


def _cause_key(job: str, cause: Cause) -> str:
    return f"cause#{job}#{cause.key}"
