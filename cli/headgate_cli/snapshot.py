"""A run as it is now: its record, and of each step the queue's own records. Read from the table, nothing else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from headgate.domain.outcome import descendants
from headgate.domain.plan import CLOSING, OPENING
from headgate.domain.queue import NodeRecord, NodeState, StepRecord
from headgate.domain.results import FAILED
from headgate.errors import NotFoundError
from headgate_cli.moments import seconds_between

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.run import Run

_OWN = {OPENING: "opening (schemas, on-run-start)", CLOSING: "closing (on-run-end)"}


@dataclass(frozen=True)
class Row:
    """One node as people see it. `status` is dbt's word once there is a result, until then the queue's."""

    step: int
    record: NodeRecord

    @property
    def name(self) -> str:
        return node_name(self.record.unique_id)

    @property
    def status(self) -> str:
        result = self.record.result
        return result.status.value if result else self.record.state.value

    @property
    def seconds(self) -> float | None:
        result = self.record.result
        if result is not None and result.seconds:
            return result.seconds
        if self.record.finished_at is None:
            return None
        return seconds_between(self.record.started_at, self.record.finished_at, 0.0)

    @property
    def runner(self) -> int | None:
        result = self.record.result
        return result.runner if result else self.record.runner

    @property
    def message(self) -> str:
        return self.record.result.message if self.record.result else ""

    @property
    def is_done(self) -> bool:
        return self.record.result is not None

    @property
    def failed(self) -> bool:
        return self.record.result is not None and self.record.result.status in FAILED

    def to_json(self) -> dict[str, Any]:
        record = self.record
        return {
            "step": self.step,
            "unique_id": record.unique_id,
            "name": self.name,
            "resource_type": record.resource_type,
            "materialized": record.materialized,
            "status": self.status,
            "seconds": self.seconds,
            "runner": self.runner,
            "message": self.message,
            "started_at": record.started_at,
            "finished_at": record.finished_at,
        }


@dataclass(frozen=True)
class Step:
    """One command of a run. `record` is None until it is planned, and for ever if planning failed."""

    number: int
    command: str
    record: StepRecord | None = None
    nodes: tuple[NodeRecord, ...] = ()

    @property
    def rows(self) -> list[Row]:
        """The project's nodes; the step's own opening and closing only when they have something to say."""
        shown = (node for node in self.nodes if node.unique_id not in _OWN or node.result is not None)
        return [Row(self.number, node) for node in shown]

    @property
    def total(self) -> int:
        """How many nodes have a turn of their own or a result."""
        return sum(row.is_done or row.record.state is not NodeState.ATTACHED for row in self.rows)


@dataclass(frozen=True)
class Snapshot:
    """A run and its steps."""

    run: "Run"
    steps: tuple[Step, ...]

    @property
    def rows(self) -> list[Row]:
        return [row for step in self.steps for row in step.rows]

    @property
    def current(self) -> Step:
        """The last step that was planned, else the first."""
        planned = [step for step in self.steps if step.record is not None]
        return planned[-1] if planned else self.steps[0]

    def to_json(self) -> dict[str, Any]:
        steps = [
            {
                "step": step.number,
                "command": step.command,
                "nodes": step.total,
                "runners": step.record.runners if step.record else 0,
                "halted": step.record.halted if step.record else None,
            }
            for step in self.steps
        ]
        return {"run": run_json(self.run), "steps": steps, "nodes": [row.to_json() for row in self.rows]}


def take(world: "World", run_id: int, earlier: Snapshot | None = None) -> Snapshot:
    """Read a run. Steps that were over in an `earlier` snapshot are not read again.

    The run comes first: when it is final, the nodes that are read afterwards are final as well.
    """
    run = world.runs.get_run(run_id)
    steps: list[Step] = []
    for number, command in enumerate(run.steps, 1):
        if earlier is not None and number < earlier.current.number:
            steps.append(earlier.steps[number - 1])
            continue
        record = world.queue.step(run_id, number)
        nodes = tuple(world.queue.nodes(run_id, number)) if record else ()
        steps.append(Step(number, command, record, nodes))
    return Snapshot(run, tuple(steps))


@dataclass(frozen=True)
class Skips:
    """Skipped nodes by the failed node above them; `None` holds those whose cause is not known."""

    by_cause: Mapping[str | None, list[Row]] = field(default_factory=dict)


def skips(world: "World", step: Step) -> Skips:
    """Fold a step's skipped nodes under what made dbt skip them."""
    skipped = {row.record.unique_id: row for row in step.rows if row.status == "skipped"}
    if not skipped:
        return Skips()
    found: dict[str | None, list[Row]] = {}
    try:
        children = world.plans.get_plan(step.record.run_id if step.record else 0, step.number).children
    except NotFoundError:
        children = {}
    for row in step.rows:
        below = descendants(children, row.record.unique_id) if row.failed else set()
        under = [skipped.pop(unique_id) for unique_id in sorted(below & skipped.keys())]
        if under:
            found[row.name] = under
    return Skips(found | ({None: list(skipped.values())} if skipped else {}))


def node_name(unique_id: str) -> str:
    """`model.shop.fct_orders` → `fct_orders`; a generic test loses the hash that dbt ends its id with."""
    if unique_id in _OWN:
        return _OWN[unique_id]
    kind, _, rest = unique_id.partition(".")
    name = rest.partition(".")[2] or rest or unique_id
    stem, _, tail = name.rpartition(".")
    is_hash = kind == "test" and len(tail) == 10 and all(letter in "0123456789abcdef" for letter in tail)
    return stem if is_hash and stem else name


def run_json(run: "Run") -> dict[str, Any]:
    """A run's fields, the same wherever one is printed."""
    return {
        "run_id": run.run_id,
        "job": run.job,
        "environment": run.environment,
        "status": run.status.value,
        "bundle": run.bundle,
        "steps": list(run.steps),
        "cause": {"kind": run.cause.kind, "key": run.cause.key, "detail": run.cause.detail},
        "created_at": run.created_at,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "error": run.error,
        "counts": dict(run.counts),
    }
