"""A runner's container: the real QueueSession, driven as runner/headgate_runner drives it, with dbt left out.

Actors: `main` supervises and leaves in order, `dbt` asks for nodes, `heart` renews the lease, one per node builds it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from headgate.domain.decision import Decision
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import FENCE_SECONDS, Claim
from headgate.domain.results import NodeResult, NodeStatus
from headgate.errors import HeadgateError, LeaseLostError, UnavailableError
from headgate.usecases.run_nodes import Idle, Over, QueueSession
from headgate_runner.work import HEARTBEAT_SECONDS
from tests.simulation.kernel import Actor, Kernel, Process, ProcessClock
from tests.simulation.warehouse import Build, Key, Warehouse
from tests.simulation.world import ProcessWorld

DONE, CRASHED, LEASE_LOST, TERMINATED, KILLED = 0, 1, 75, 143, 137
# How likely it is that somebody dropped a relation between two runs.
DROPPED = 0.05
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0


class TerminatedError(Exception):
    """SIGTERM."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens when a node is built."""

    seconds: float
    status: NodeStatus


Script = Callable[[int, str], Turn]


@dataclass
class Runner:
    """One attempt of one runner of one step. exit_code is set when it has left."""

    kernel: Kernel
    process: Process
    world: ProcessWorld
    run_id: int
    step: int
    number: int
    script: Script
    random: Random
    warehouse: Warehouse
    exit_code: int | None = None
    _ended: bool = False
    _fault: BaseException | None = None
    _stopped: bool = False
    _draining: bool = False
    _building: dict[str, Actor] = field(default_factory=dict)
    _builds: dict[Key, Build] = field(default_factory=dict)
    _main: Actor | None = None
    _dbt: Actor | None = None

    # main -----------------------------------------------------------------------------------------------------

    def main(self) -> None:
        self._main = self.kernel.current
        self._session: QueueSession | None = None
        self._dbt = self._spawn("dbt", self._work)
        while not self._ended:
            self.kernel.wait(1.0)
            self._fence()
        self.exit_code = self._leave(self._fault)
        self.kernel.kill(self.process)

    def report(self, fault: BaseException | None) -> None:
        """The work is over; the first report counts."""
        if not self._ended:
            self._ended, self._fault = True, fault
            if self._main is not None:
                self.kernel.wake(self._main)

    def terminate(self) -> None:
        """SIGTERM from outside."""
        self.report(TerminatedError("stopped by SIGTERM"))

    def _fence(self) -> None:
        if self._session is not None and self._clock.now() > self._session.until - FENCE_SECONDS:
            self.report(LeaseLostError("not renewed in time"))

    def _leave(self, fault: BaseException | None) -> int:
        self._stopped = True
        # Their queries are cancelled before anything else happens.
        for key, build in self._builds.items():
            self.warehouse.end(key, build, success=False)
        for actor in self._building.values():
            self.kernel.wake(actor)
        try:
            return self._goodbye(fault)
        except HeadgateError:
            return CRASHED

    def _goodbye(self, fault: BaseException | None) -> int:
        if isinstance(fault, LeaseLostError):
            return LEASE_LOST
        session = self._session
        if session is not None:
            if fault is not None:
                session.hand_back()
            session.end(str(fault) if fault is not None else None)
        if isinstance(fault, TerminatedError):
            return TERMINATED
        return DONE if fault is None else CRASHED

    # dbt ------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._build_share()
        except HeadgateError as fault:
            self.report(fault)
        else:
            self.report(None)

    def _build_share(self) -> None:
        self.kernel.sleep(self.random.uniform(1.0, 8.0))
        self._plan: Plan = self.world.plans.get_plan(self.run_id, self.step)
        self._clock = ProcessClock(self.kernel, self.process)
        world = self.world
        session = QueueSession(world.queue, self._clock, self._plan, self.number, world.slots, world.states)
        session.begin()
        self._session = session
        self._spawn("heart", self._beat)
        pause = FIRST_PAUSE
        while True:
            self._wait_while(lambda: len(self._building) >= self._plan.threads)
            answer = session.next()
            if isinstance(answer, Over):
                break
            if isinstance(answer, Idle):
                self.kernel.wait(pause * self.random.uniform(0.5, 1.0))
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            pause = FIRST_PAUSE
            if answer.unique_id == CLOSING:
                self._wait_while(lambda: bool(self._building))
                self.kernel.sleep(self.random.uniform(0.1, 2.0))
                session.finish(CLOSING, None)
                return
            self._building[answer.unique_id] = self._spawn(
                answer.unique_id, lambda claim=answer: self._build(claim)
            )
        self._wait_while(lambda: bool(self._building))

    def _wait_while(self, condition: Callable[[], bool]) -> None:
        while condition() or self._stopped:
            self.kernel.wait()

    # nodes ----------------------------------------------------------------------------------------------------

    def _build(self, claim: Claim) -> None:
        try:
            self._take_turn(claim)
        except HeadgateError as fault:
            self.report(fault)
            return
        del self._building[claim.unique_id]
        assert self._dbt is not None
        self.kernel.wake(self._dbt)

    def _take_turn(self, claim: Claim) -> None:
        assert self._session is not None
        if claim.unique_id == OPENING and self._plan.reuse:
            self._session.revive_missing(self._dropped())
        decision = None if claim.skip else self._session.decide_again(claim)
        turn = self._turn(claim, decision)
        key, build = (self._plan.environment, claim.unique_id), self._build_of(claim)
        if build is not None and turn.status is not NodeStatus.REUSED and not claim.skip:
            self._wait_until_allowed()
            self._builds[key] = build
            self.warehouse.begin(key, build, self.kernel.now, self.process.name)
        self.kernel.wait(turn.seconds)
        self._wait_until_allowed()
        if key in self._builds:
            self.warehouse.end(key, self._builds.pop(key), success=turn.status is NodeStatus.SUCCESS)
        self._record(claim.unique_id, turn)

    def _dropped(self) -> set[str]:
        """What somebody dropped of what this run wants to reuse; the same whoever looks."""
        relations = [node.unique_id for node in self._plan.nodes if node.relation and not node.is_built]
        return {one for one in relations if Random(f"dropped {self.run_id} {one}").random() < DROPPED}

    def _wait_until_allowed(self) -> None:
        while self._stopped:
            # Its query was cancelled: nothing is recorded.
            self.kernel.wait()
        if self._session is not None and self._clock.now() > self._session.until - FENCE_SECONDS:
            # No statement is sent from here on.
            raise LeaseLostError("not renewed in time")

    def _turn(self, claim: Claim, decision: Decision | None) -> Turn:
        if claim.skip:
            return Turn(0.01, NodeStatus.SKIPPED)
        if decision is not None:
            return Turn(0.01, NodeStatus(decision.status))
        return self.script(self.run_id, claim.unique_id)

    def _build_of(self, claim: Claim) -> Build | None:
        assert self._session is not None
        if claim.hold is None:
            return None
        fence = claim.hold.fence
        return Build(self.run_id, self.step, self.number, self._session.epoch, fence, self._is_at_work)

    def _is_at_work(self) -> bool:
        assert self._session is not None
        awake = self.process.alive and self.process.frozen_until <= self.kernel.now
        return awake and not self._stopped and self._clock.now() <= self._session.until - FENCE_SECONDS

    def _record(self, unique_id: str, turn: Turn) -> None:
        assert self._session is not None
        status = turn.status
        entry = {
            "unique_id": unique_id,
            "status": status.value,
            "message": "",
            "execution_time": turn.seconds,
        }
        result = NodeResult(unique_id, status, entry, self.number)
        own = unique_id == OPENING and not result.blocks_children
        self._session.finish(unique_id, None if own else result)

    def _beat(self) -> None:
        assert self._session is not None
        while True:
            self.kernel.sleep(HEARTBEAT_SECONDS)
            try:
                self._session.renew()
            except UnavailableError:
                continue
            except LeaseLostError as fault:
                self.report(fault)
                return

    def _spawn(self, name: str, body: Callable[[], None]) -> Actor:
        return self.kernel.spawn(self.process, f"{self.process.name} {name}", body)
