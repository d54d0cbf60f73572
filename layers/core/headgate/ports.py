"""What use cases need of the world, as small Protocols. Each has an AWS adapter and an in-memory twin.

The same contract tests run against both (tests/contract). Methods that can lose a race say so in their
return value; the only errors are those of errors.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from headgate.domain.alerts import Alert
from headgate.domain.build_state import BuildState, Hold
from headgate.domain.events import Event
from headgate.domain.execution import Container, Execution
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.plan import Plan
from headgate.domain.queue import NodeRecord, NodeState, RunnerRecord, StepRecord
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.sync import Observation, Sync


class Clock(Protocol):
    """Time, so that tests and the simulator can own it."""

    def now(self) -> float:
        """Seconds since the epoch."""
        ...

    def sleep(self, seconds: float) -> None: ...


class RunStore(Protocol):
    """Runs and the rule that one cause makes at most one run of a job."""

    def create_run(
        self,
        job: Job,
        bundle: str,
        cause: Cause,
        *,
        retry_of: int | None = None,
        first_step: int = 1,
        from_start: bool = False,
    ) -> tuple[Run, bool]:
        """The run of this cause, and whether this call made it: run, idempotency key in one transaction.

        Of the job its name, environment and commands are kept. The other three: see Run.
        """
        ...

    def get_run(self, run_id: int) -> Run:
        """Raises NotFoundError."""
        ...

    def list_runs(self, limit: int = 20, job: str | None = None) -> list[Run]:
        """Newest first."""
        ...

    def active_runs(self) -> list[Run]:
        """Every run without a final status, oldest first."""
        ...

    def take_slot(self, run: Run) -> bool:
        """Move a queued run to `starting` and take its job's only slot, in one transaction. False: not now.

        A run that somebody asked to cancel gets none any more.
        """
        ...

    def request_cancel(self, run_id: int, reason: str) -> bool:
        """Record that somebody wants the run to stop, and why. False: it is final, or was asked before.

        The first reason stays. Raises NotFoundError.
        """
        ...

    def record_execution(self, run_id: int, execution_arn: str) -> None: ...

    def move(self, run_id: int, target: RunStatus, **changes: object) -> bool:
        """Change the status if the transition is allowed (domain/run.py); a final one frees the job's slot."""
        ...

    def unannounced(self) -> list[Run]:
        """Runs that have ended and whose end nobody may have heard of yet, oldest first."""
        ...

    def record_announced(self, run_id: int) -> None:
        """Its RunFinished is on the bus."""
        ...


class JobStore(Protocol):
    """Environments, jobs and alert rules as applied, and which bundle each environment points at."""

    def apply(self, jobs_file: JobsFile) -> None:
        """Make the stored jobs of `jobs_file.origin` equal to the file: all or nothing."""
        ...

    def jobs(self) -> list[Job]: ...

    def job(self, name: str) -> Job:
        """Raises NotFoundError with the nearest name."""
        ...

    def environment(self, name: str) -> Environment:
        """Raises NotFoundError."""
        ...

    def alert_rules(self) -> list[AlertRule]: ...

    def point_at(self, environment: str, digest: str) -> None: ...

    def bundle_of(self, environment: str) -> str:
        """Raises NotFoundError while nothing was published for it."""
        ...

    def record_success(self, environment: str, bundle: str, run_id: int) -> None:
        """A run of this bundle succeeded. An older run than the last one recorded changes nothing."""
        ...

    def last_success(self, environment: str) -> tuple[str, int]:
        """The bundle and the number of the last run that succeeded. Raises NotFoundError while there is none."""
        ...


class EventLog(Protocol):
    """Inbound events, each stored once before it is answered. Kept seven days."""

    def record(self, event_id: str, detail: Mapping[str, Any]) -> bool:
        """Store it durably. False: this event is known *and* was handed on before."""
        ...

    def mark(self, event_id: str, outcome: str) -> None:
        """`published`, `ignored`, `unmapped`: what became of it. `published` replaces nothing but the beginning."""
        ...

    def recent(self, limit: int = 50) -> list[dict[str, Any]]: ...


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


class BundleStore(Protocol):
    """Published projects by content digest. Files: project.zip, and per parse manifest, partial parse, index."""

    def put(self, digest: str, files: Mapping[str, Path]) -> None:
        """Upload what is not there yet; the same digest twice is the same bundle."""
        ...

    def fetch(self, digest: str, name: str, target: Path) -> None:
        """Raises NotFoundError."""
        ...

    def read(self, digest: str, name: str) -> bytes:
        """Raises NotFoundError."""
        ...


class ArtifactStore(Protocol):
    """What a run leaves behind: plan.json, run_results.json, manifest.json per step, and its logs."""

    def put(self, run_id: int, step: int, name: str, body: bytes) -> None: ...

    def get(self, run_id: int, step: int, name: str) -> bytes:
        """Raises NotFoundError."""
        ...

    def append_log(
        self, run_id: int, step: int, runner: int, sequence: int, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        """One chunk of a runner's log. sequence: 1,000,000 times the lease's epoch + the chunk's number.

        The same sequence again replaces its chunk.
        """
        ...

    def logs(self, run_id: int, step: int) -> list[dict[str, Any]]:
        """Every line of a step, by time."""
        ...


class PlanStore(Protocol):
    """The plan of each step, by run."""

    def put_plan(self, plan: Plan) -> None: ...

    def get_plan(self, run_id: int, step: int) -> Plan:
        """Raises NotFoundError."""
        ...


class History(Protocol):
    """Durations of builds in earlier runs of an environment, for prediction (keys: domain/prediction.build_key)."""

    def predictions(self, environment: str, keys: Iterable[str]) -> dict[str, float]:
        """key -> seconds, for those that were built before."""
        ...

    def learn(self, environment: str, seconds: Mapping[str, float]) -> None: ...


class BuildStates(Protocol):
    """What is remembered of each node's last build, by environment; and who builds it now (domain/build_state.py)."""

    def read(self, environment: str, unique_ids: Iterable[str]) -> dict[str, BuildState]:
        """Those that there are. Consistent."""
        ...

    def hold(
        self, environment: str, unique_id: str, holder: str, *, instead_of: str = ""
    ) -> Hold | BuildState:
        """Become the only one who may build it. The record as it is, with its holder, while somebody else holds it.

        Whoever holds it already gets a new hold. instead_of: a holder that is known to be gone; the record is
        unhealthy from then on (status `error`), until a commit.
        """
        ...

    def commit(self, environment: str, state: BuildState) -> bool:
        """Store the build that was held with `state.fence`, and let go; asked again, the same answer.

        False: that hold is not the last one.
        """
        ...

    def let_go(self, environment: str, unique_id: str, fence: int, *, error: str = "") -> bool:
        """End a hold without a build. error: why the relation may not be as it was; the state is unhealthy then.

        False: that hold is not the last one. Asked again, the same answer.
        """
        ...

    def test_ended(self, environment: str, unique_id: str, version: str, test: str, *, passed: bool) -> bool:
        """A test of this build ended: it no longer stands in its way, or it does. False: another build came since."""
        ...

    def record(self, environment: str, state: BuildState) -> None:
        """Store what nobody has to hold: the last end of a test. A hold and its fence stay as they are."""
        ...

    def forget(self, environment: str, unique_id: str, version: str) -> bool:
        """Its relation is not there: the build no longer counts. False: another build came since."""
        ...

    def looked_at(self, environment: str) -> float:
        """When a runner last saw which relations are there (epoch seconds); 0: never."""
        ...

    def record_look(self, environment: str, at: float) -> None: ...


class Freshness(Protocol):
    """What is known of the data in sources. Syncs are kept for 90 days."""

    def record_sync(self, sync: Sync) -> None:
        """The same sync again changes nothing; an older one than the last does not replace it."""
        ...

    def syncs(self) -> dict[str, Sync]:
        """Connector -> its last sync."""
        ...

    def syncs_since(self, at: float) -> list[Sync]:
        """Every sync that ended after this moment, oldest first."""
        ...

    def observe(self, environment: str, seen: Iterable[Observation]) -> None: ...

    def observations(self, environment: str) -> dict[str, Observation]:
        """Source -> what was seen last."""
        ...


class EventBus(Protocol):
    """The bus. An event published twice must do no harm to anyone."""

    def publish(self, *events: Event) -> None: ...


class StateMachine(Protocol):
    """Step Functions: a run's one execution, by the run's name. It begins at the run's first step."""

    def start(self, run: Run) -> str:
        """The execution's ARN; starting a started run returns the same."""
        ...

    def stop(self, run: Run, reason: str) -> bool:
        """Abort it; one that has ended stays as it is. False: it was never started."""
        ...

    def status(self, run: Run) -> Execution | None:
        """How it is; None: it was never started. May lag a moment behind `start` and `stop`."""
        ...


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


class Containers(Protocol):
    """The ECS tasks of the cluster that are runners."""

    def running(self) -> list[Container]:
        """Those that run or are on their way to it, without those that were told to stop."""
        ...

    def stop(self, arn: str, reason: str) -> None:
        """Stopping what has ended changes nothing."""
        ...


class Scheduler(Protocol):
    """EventBridge Scheduler: one schedule per job that has one."""

    def sync(self, jobs: Sequence[Job], origin: str) -> None:
        """Make the schedules managed by `origin` equal to these jobs'."""
        ...

    def names(self, origin: str) -> list[str]: ...


class Secrets(Protocol):
    """Secrets Manager, below the stack's prefix. Values are cached for five minutes at most."""

    def get(self, name: str) -> Mapping[str, str]:
        """A secret's JSON object. Raises NotFoundError."""
        ...


class AlertTopic(Protocol):
    """Where alerts leave the run: SNS."""

    def publish(self, alert: Alert) -> None: ...


class Notifier(Protocol):
    """One channel kind: an alert becomes a request to somebody's HTTP endpoint."""

    def send(self, alert: Alert, address: str) -> None:
        """Raises UnavailableError when it may be tried again, InputError when the address is wrong."""
        ...
