"""What must hold in every history, whatever went wrong in it. Reads what arrived at the ports and what is stored.

Who owns a node is taken from the claims and hand-backs that succeeded, not from the records: the checker keeps its own
books, so that a store that forgets a rule is found out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headgate.domain.build_state import Hold
from headgate.domain.events import RunFinished
from headgate.domain.gate_rule import Open, decide
from headgate.domain.job import Job
from headgate.domain.plan import CLOSING, OPENING, Plan, PlannedNode
from headgate.domain.queue import NodeState
from headgate.domain.results import BLOCKING, FAILED, NodeStatus
from headgate.domain.run import FINAL, Cause, Run, RunStatus
from headgate.domain.run_queue import CANCEL_RUNNING, SKIP, Start
from headgate.domain.slots import Holder
from headgate.errors import NotFoundError
from tests.simulation.history import Entry
from tests.simulation.simulation import Simulation

TAIL = 60
Key = tuple[int, int, str]


def violations(simulation: Simulation) -> list[str]:
    """Every rule that was broken, in the order in which it was."""
    found = [f"{name} raised {type(fault).__name__}: {fault}" for name, fault in simulation.kernel.crashes]
    books = _Books(simulation)
    for entry in simulation.history:
        found += books.read(entry)
    found += simulation.warehouse.overlaps
    return [*found, *_final_state(simulation, books)]


def report(simulation: Simulation, found: list[str]) -> str:
    """What to print of a history that broke a rule."""
    rules = "\n".join(f"  - {rule}" for rule in found[:8])
    return f"seed {simulation.scenario.seed}\n{rules}\n{simulation.history.text(TAIL)}"


@dataclass
class _Books:
    """What follows from the requests that arrived, in their order."""

    simulation: Simulation
    owner: dict[Key, tuple[int, int]] = field(default_factory=dict)
    done: dict[Key, tuple[int, int]] = field(default_factory=dict)
    causes: dict[tuple[str, str], set[int]] = field(default_factory=lambda: defaultdict(set))
    # what a run takes a place in (`job#…`, `environment#…`, `account`) -> who holds one
    in_progress: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    # (job, event) -> the opening of a gate for which it counted
    openings: dict[tuple[str, str], str] = field(default_factory=dict)
    answers_to: dict[int, frozenset[Cause]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    switched_off: set[str] = field(default_factory=set)
    places: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    late_places: set[str] = field(default_factory=set)
    ends: dict[int, list[RunStatus]] = field(default_factory=lambda: defaultdict(list))
    announced: set[int] = field(default_factory=set)
    # (run, step, runner) -> the epoch below which its claims are void
    valid_from: dict[tuple[int, int, int], int] = field(default_factory=lambda: defaultdict(int))
    void_claims: set[tuple[Key, tuple[int, int]]] = field(default_factory=set)
    plans: dict[tuple[int, int], Plan] = field(default_factory=dict)
    revived: set[Key] = field(default_factory=set)
    # (environment, unique_id) -> who holds the relation
    holders: dict[tuple[str, str], str] = field(default_factory=dict)
    # the same -> the version of the build that began last
    begun: dict[tuple[str, str], str] = field(default_factory=dict)

    def read(self, entry: Entry) -> Iterator[str]:
        """The rules that this entry breaks."""
        reader = getattr(self, "_" + entry.what.replace(".", "_"), None)
        if reader is not None and not isinstance(entry.answer, Exception):
            for broken in reader(entry):
                yield f"{broken} ({entry})"

    # Nodes ----------------------------------------------------------------------------------------------------

    def _queue_claim(self, entry: Entry) -> Iterator[str]:
        run_id, step, unique_id = entry.arguments[:3]
        if entry.answer is None:
            return
        key, by = (run_id, step, unique_id), (entry.keywords["runner"], entry.keywords["epoch"])
        if key in self.done:
            yield f"{unique_id} was claimed after it was done"
        if key in self.owner:
            yield f"{unique_id} was claimed by {by} while {self.owner[key]} held it"
        self.owner[key] = by
        if by[1] < self.valid_from[run_id, step, by[0]] or self.ends[run_id]:
            # Sent before its lease or its run ended, and late: harmless if nothing comes of it.
            self.void_claims.add((key, by))
            return
        yield from self._places_of(run_id, step, unique_id, by)
        waiting = [
            parent
            for parent in self._parents(run_id, step, unique_id)
            if (run_id, step, parent) not in self.done and not self._is_reused(run_id, step, parent)
        ]
        if waiting:
            yield f"{unique_id} began before its parents {waiting} were done"

    def _is_reused(self, run_id: int, step: int, unique_id: str) -> bool:
        plan = self.plan(run_id, step)
        return plan is not None and unique_id in plan.reused and (run_id, step, unique_id) not in self.revived

    def _queue_revive(self, entry: Entry) -> Iterator[str]:
        run_id, step, unique_id = entry.arguments[:3]
        if entry.answer is not True:
            return
        self.revived.add((run_id, step, unique_id))
        if (run_id, step, OPENING) in self.done:
            yield f"{unique_id} was given a turn when its step had been opened"

    def _queue_hand_back(self, entry: Entry) -> Iterator[str]:
        run_id, step, unique_id = entry.arguments[:3]
        if entry.answer is not False:
            self.owner.pop((run_id, step, unique_id), None)
        yield from ()

    def _queue_finish(self, entry: Entry) -> Iterator[str]:
        run_id, step, unique_id = entry.arguments[:3]
        if entry.answer is not True:
            return
        key, by = (run_id, step, unique_id), (entry.keywords["runner"], entry.keywords["epoch"])
        if key in self.done:
            if self.done[key] != by:
                yield f"{unique_id} ended twice: by {self.done[key]} and by {by}"
            return
        if (key, by) in self.void_claims:
            yield f"{unique_id} was recorded by {by}, who claimed it when its lease or its run was over"
        if self.owner.get(key) != by:
            yield f"{unique_id} was recorded by {by}, its owner is {self.owner.get(key)}"
        self.done[key] = by
        self.owner.pop(key, None)

    def _queue_take_lease(self, entry: Entry) -> Iterator[str]:
        self.valid_from[entry.arguments[:3]] = entry.answer
        yield from ()

    def _queue_end_lease(self, entry: Entry) -> Iterator[str]:
        run_id, step, runner, epoch = entry.arguments[:4]
        if entry.answer is True:
            self.valid_from[run_id, step, runner] = max(self.valid_from[run_id, step, runner], epoch + 1)
        yield from ()

    def _queue_expire_lease(self, entry: Entry) -> Iterator[str]:
        run_id, step, seen = entry.arguments
        if entry.answer is True:
            self.valid_from[run_id, step, seen.runner] = seen.epoch + 1
        yield from ()

    def _parents(self, run_id: int, step: int, unique_id: str) -> tuple[str, ...]:
        plan = self.plan(run_id, step)
        if plan is None or unique_id == OPENING:
            return ()
        if unique_id == CLOSING:
            return tuple(node.unique_id for node in plan.nodes)
        found = next((node for node in plan.nodes if node.unique_id == unique_id), None)
        return (found.parents or (OPENING,)) if found is not None else ()

    def plan(self, run_id: int, step: int) -> Plan | None:
        if (run_id, step) not in self.plans:
            try:
                self.plans[run_id, step] = self.simulation.world.plans.get_plan(run_id, step)
            except NotFoundError:
                return None
        return self.plans[run_id, step]

    # Runs and slots -------------------------------------------------------------------------------------------

    def _runs_create_run(self, entry: Entry) -> Iterator[str]:
        job, cause = entry.arguments[0], entry.arguments[2]
        run, made = entry.answer
        if cause.kind == "gate":
            yield from self._opened(job, cause, entry.keywords["also"])
        runs = self.causes[job.name, cause.key]
        runs.add(run.run_id)
        if len(runs) > 1:
            yield f"cause {cause.key} made runs {sorted(runs)}"
        if made:
            yield from self._entered(run)

    def _opened(self, job: Job, opening: Cause, arrived: Sequence[Cause]) -> Iterator[str]:
        """What arrived at a gate counts for one of its openings."""
        for cause in arrived:
            before = self.openings.setdefault((job.name, cause.key), opening.key)
            if before != opening.key:
                yield f"{cause.key} opened {before} and {opening.key} of {job.name}"

    def _entered(self, run: Run) -> Iterator[str]:
        """A run came into being, maybe in the place of others."""
        self.answers_to[run.run_id] = frozenset(run.causes)
        if run.status.is_final:
            self.ends[run.run_id].append(run.status)
            if run.on_conflict != SKIP:
                yield f"run {run.run_id} was over as it began"
        for other in run.supersedes:
            if self.ends[other]:
                yield f"run {run.run_id} took the place of run {other}, which was over"
            if lost := self.answers_to[other] - frozenset(run.causes):
                yield f"run {run.run_id} took the place of run {other} and forgot {sorted(c.key for c in lost)}"
            if not any(other in holders for holders in self.in_progress.values()):
                self.ends[other].append(RunStatus.CANCELLED)
            elif run.on_conflict != CANCEL_RUNNING:
                yield f"run {run.run_id} took the place of run {other}, which was in progress"
        if missing := [c for cause in run.causes for c in cause.connectors if not _builds(run, c)]:
            yield f"run {run.run_id} answers to {missing} and does not build what lies downstream"

    def _runs_take_slot(self, entry: Entry) -> Iterator[str]:
        run = entry.arguments[0]
        if entry.answer is not Start.TAKEN:
            return
        for scope, limit in self._limits(run):
            holders = self.in_progress[scope]
            holders.add(run.run_id)
            if limit is not None and len(holders) > limit:
                yield f"runs {sorted(holders)} of {scope} were on their way at once; its limit is {limit}"

    def _limits(self, run: Run) -> list[tuple[str, int | None]]:
        file = self.simulation.scenario.jobs
        of_job = next(job.max_parallel_runs for job in file.jobs if job.name == run.job)
        of_environment = next(e.max_parallel_runs for e in file.environments if e.name == run.environment)
        return [
            (f"job#{run.job}", of_job),
            (f"environment#{run.environment}", of_environment),
            ("account", file.max_parallel_runs),
        ]

    def _runs_move(self, entry: Entry) -> Iterator[str]:
        run_id, target = entry.arguments[:2]
        if entry.answer is not True or target not in FINAL:
            return
        self.ends[run_id].append(target)
        if len(self.ends[run_id]) > 1:
            yield f"run {run_id} ended as {self.ends[run_id]}"
        for holders in self.in_progress.values():
            holders.discard(run_id)
        job = self.simulation.world.runs.get_run(run_id).job
        if target is not RunStatus.CANCELLED:
            self.failures[job] = self.failures[job] + 1 if target is RunStatus.ERROR else 0

    def _activities_deactivate(self, entry: Entry) -> Iterator[str]:
        job, failures = entry.arguments[:2]
        if entry.answer is True:
            self.switched_off.add(job)
            if self.failures[job] < failures:
                yield f"{job} was switched off after {self.failures[job]} failures"

    def _bus_publish(self, entry: Entry) -> Iterator[str]:
        self.announced |= {event.run_id for event in entry.arguments if isinstance(event, RunFinished)}
        yield from ()

    def _slots_take(self, entry: Entry) -> Iterator[str]:
        environment, pool, holder, limit = entry.arguments
        if entry.answer is not True:
            return
        holders = self.places[environment, pool]
        holders.add(holder)
        if self.ends[int(holder.partition("#")[0])]:
            # From a runner that slept through the end of its run: swept when the next run of the environment lives.
            self.late_places.add(holder)
        if len(holders) > limit:
            yield f"pool {pool} of {environment} has {limit} places and {len(holders)} holders: {sorted(holders)}"

    def _slots_give_back(self, entry: Entry) -> Iterator[str]:
        environment, pool, holders = entry.arguments
        self.places[environment, pool] -= set(holders)
        yield from ()

    def _places_of(self, run_id: int, step: int, unique_id: str, by: tuple[int, int]) -> Iterator[str]:
        plan = self.plan(run_id, step)
        node = next((n for n in plan.nodes if n.unique_id == unique_id), None) if plan is not None else None
        holder = f"{run_id}#{step}#{by[0]}#{by[1]}#{unique_id}"
        for pool in node.pools if node is not None and plan is not None else ():
            assert plan is not None
            if holder not in self.places[plan.environment, pool]:
                yield f"{unique_id} was claimed without a place in {pool}"

    # Relations ------------------------------------------------------------------------------------------------

    def _states_hold(self, entry: Entry) -> Iterator[str]:
        environment, unique_id, holder = entry.arguments
        if not isinstance(entry.answer, Hold):
            return
        before = self.holders.get((environment, unique_id))
        if before not in (None, holder) and not self._is_void(str(before)):
            yield f"{holder} holds {unique_id} while {before} does"
        self.holders[environment, unique_id] = holder

    def _states_let_go(self, entry: Entry) -> Iterator[str]:
        if entry.answer is True:
            self.holders.pop(entry.arguments[:2], None)
        yield from ()

    def _states_commit(self, entry: Entry) -> Iterator[str]:
        environment, state = entry.arguments
        if entry.answer is not True:
            return
        key = (environment, state.unique_id)
        self.holders.pop(key, None)
        if (key, state.version) not in self.simulation.warehouse.succeeded:
            yield f"{state.unique_id} was committed as {state.version}, which nobody has built"
        elif self.begun[key] != state.version:
            yield f"{state.unique_id} was committed as {state.version}, but {self.begun[key]} had begun"

    def _build_begins(self, entry: Entry) -> Iterator[str]:
        environment, unique_id, version = entry.arguments
        self.begun[environment, unique_id] = version
        yield from ()

    def _is_void(self, text: str) -> bool:
        holder = Holder.parse(text)
        return holder is None or holder.epoch < self.valid_from[holder.run_id, holder.step, holder.runner]


# The state in the end -----------------------------------------------------------------------------------------


def _final_state(simulation: Simulation, books: _Books) -> Iterator[str]:
    world = simulation.world
    runs = world.runs.list_runs(10_000)
    for run in sorted(runs, key=lambda run: run.run_id):
        if not run.status.is_final:
            yield f"run {run.run_id} is stuck: {run.status.value}"
            continue
        if books.ends[run.run_id] != [run.status]:
            yield f"run {run.run_id} is {run.status.value}, but it ended as {books.ends[run.run_id]}"
        if run.status is RunStatus.CANCELLED and not (
            run.cancel or run.superseded_by or run.on_conflict == SKIP
        ):
            yield f"run {run.run_id} was cancelled by nobody"
        if run.run_id not in books.announced:
            yield f"nobody was told that run {run.run_id} has ended"
        for step in range(1, len(run.steps) + 1):
            yield from _step_state(simulation, books, run, step)
    yield from _lost_events(simulation, books)
    yield from _remembered(simulation)
    for container in simulation.containers.running():
        yield f"a container of run {container.run_id} is still {container.status}"
    for (environment, pool), holders in books.places.items():
        if holders - books.late_places:
            yield f"places in {pool} of {environment} were never given back: {sorted(holders)}"
    if left := {scope: holders for scope, holders in books.in_progress.items() if holders}:
        yield f"places of runs were never given back: {left}"
    yield from _jobs_fare(simulation, books)


def _jobs_fare(simulation: Simulation, books: _Books) -> Iterator[str]:
    """Failures are counted once each, and a job that has too many of them is off."""
    for job in simulation.scenario.jobs.jobs:
        activity, failures = simulation.world.activities.activity(job.name), books.failures[job.name]
        if activity.failures != failures:
            yield f"{job.name} failed {failures} times in a row, {activity.failures} are known"
        if (0 < job.deactivate_after <= failures) != (activity.deactivated_at is not None):
            yield f"{job.name} failed {failures} times in a row and is off since {activity.deactivated_at}"


def _builds(run: Run, connector: str) -> bool:
    return any("connector:" not in step or f"connector:{connector}+" in step for step in run.steps)


def _step_state(simulation: Simulation, books: _Books, run: Run, step: int) -> Iterator[str]:
    plan = books.plan(run.run_id, step)
    nodes = {node.unique_id: node for node in simulation.world.queue.nodes(run.run_id, step)}
    if plan is None:
        if run.status is RunStatus.SUCCESS and step >= run.first_step:
            yield f"run {run.run_id} succeeded without its step {step}"
        return
    left = [name for name, node in nodes.items() if node.state not in (NodeState.DONE, NodeState.ATTACHED)]
    failed = [
        name for name, node in nodes.items() if node.result is not None and node.result.status in FAILED
    ]
    if run.status is RunStatus.SUCCESS and (left or failed):
        yield f"run {run.run_id} succeeded, but in step {step} {left} are left and {failed} failed"
    status = {name: node.result.status for name, node in nodes.items() if node.result is not None}
    for planned in plan.nodes:
        name = planned.unique_id
        if name not in status:
            continue
        if status[name] is NodeStatus.REUSED and name in plan.reused:
            if new := _new_data(plan, planned):
                yield f"{name} of run {run.run_id} is reused, but {new} are built in it"
            continue
        blocked = any(status.get(parent) in BLOCKING for parent in planned.parents)
        if blocked != (status[name] is NodeStatus.SKIPPED):
            yield f"{name} of run {run.run_id} is {status[name].value}; its parents: {planned.parents}"
        elif plan.reuse and status[name] in (NodeStatus.REUSED, NodeStatus.WARN):
            # A reused test that warned warns again.
            continue
        elif not blocked and status[name] is not simulation.scenario.turn(run.run_id, name).status:
            yield f"{name} of run {run.run_id} is {status[name].value} for no reason"


def _new_data(plan: Plan, reused: PlannedNode) -> list[str]:
    """Models of those that it sees, whose build would be new data for it.

    A view that is only made anew is none: a table that is built on it stays as it is, however that ends.
    """
    by_build = reused.materialized == "view" or reused.resource_type == "test"
    return [
        node.unique_id
        for node in plan.nodes
        if node.unique_id in reused.sees
        and node.resource_type == "model"
        and node.unique_id not in plan.reused
        and (by_build or node.materialized != "view")
    ]


def _remembered(simulation: Simulation) -> Iterator[str]:
    """No record may say more than the warehouse has: a build that counts is the last that was begun."""
    for key, last in simulation.warehouse.last.items():
        environment, unique_id = key
        state = simulation.world.states.read(environment, [unique_id]).get(unique_id)
        if state is None or not state.version or state.holder or state.status != NodeStatus.SUCCESS.value:
            continue
        if state.version != last.version:
            yield f"{unique_id} of {environment} counts as {state.version}, but holds {last.version}"


def _lost_events(simulation: Simulation, books: _Books) -> Iterator[str]:
    given_up = {name for name, _ in simulation.lambdas.dead_letters}
    if "match_triggers" in given_up:
        yield "an accepted event lies in the dead letters though all is well"
    jobs = [job for job in simulation.scenario.jobs.jobs if job.name not in books.switched_off]
    runs = simulation.world.runs.list_runs(10_000)
    answered = {(run.job, cause.key) for run in runs for cause in run.causes}
    for job in jobs:
        waiting = set()
        for gate in job.gates:
            state = simulation.world.gates.state(job.name, gate.name)
            waiting |= {(job.name, arrival.event_id) for arrival in state.arrivals}
            if state.opening is not None or isinstance(decide(gate, state, simulation.kernel.now), Open):
                yield f"the gate {gate.name} of {job.name} should have opened"
        for sync in simulation.accepted.values():
            key = f"fivetran/default/{sync.connector}/{sync.sync_id}/sync_end"
            if sync.connector in job.connectors and (job.name, key) not in answered | waiting:
                yield f"sync {sync.sync_id} of {sync.connector} was accepted and made no run of {job.name}"
        for run in runs:
            if _is_awaited(job, run) != ((job.name, f"run/{run.run_id}") in answered):
                yield f"{job.name} waits for ends like that of run {run.run_id}, or does not, and acted otherwise"


def _is_awaited(job: Job, run: Run) -> bool:
    ends = [
        one.where["status"]
        for gate in job.gates
        for one in gate.awaits
        if (one.kind, one.name) == ("job", run.job)
    ]
    did_something = run.superseded_by is None and not (run.error or "").startswith("skipped: ")
    return did_something and any(run.status.value in statuses for statuses in ends)
