"""A run's way through the use cases on the twins in memory, one call for each of its stations."""

from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import RunFinished
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause, Run
from headgate.usecases.cancel_run import cancel_run
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.plan_run import PlannedStep, plan_run
from headgate.usecases.run_nodes import Over, QueueSession
from headgate.usecases.start_job import start_job


def start(world: MemoryWorld, job: str = "finance", key: str = "k") -> Run:
    return start_job(world.jobs.job(job), Cause("cli", key), jobs=world.jobs, runs=world.runs, bus=world.bus)


def dispatch(world: MemoryWorld) -> list[int]:
    return dispatch_runs(None, world)


def cancel(world: MemoryWorld, run_id: int = 1, reason: str = "by ana") -> Run:
    return cancel_run(
        run_id, reason, runs=world.runs, machine=world.machine, queue=world.queue, bus=world.bus
    )


def plan(world: MemoryWorld, step: int = 1, run_id: int = 1) -> PlannedStep:
    return plan_run(run_id, step, world)


def finalizer(world: MemoryWorld) -> FinalizeRun:
    return FinalizeRun.of(world, "http://127.0.0.1:8080")


def session(
    world: MemoryWorld, runner: int = 1, step: int = 1, run_id: int = 1, *, remembers: bool = False
) -> QueueSession:
    """A runner's session. remembers: it holds relations and remembers builds, as real runners do."""
    plan = world.plans.get_plan(run_id, step)
    made = QueueSession(world.queue, world.clock, plan, runner, states=world.states if remembers else None)
    made.begin()
    return made


def build(session: QueueSession, number: int | None = None, failing: frozenset[str] = frozenset()) -> None:
    """That many turns, the opening among them; all that there are by default. failing: names of models."""
    turns = 0
    while turns != number and not isinstance(claim := session.next(), Over):
        assert isinstance(claim, Claim)
        turns += 1
        again = session.decide_again(claim)
        failed = claim.unique_id.rpartition(".")[2] in failing
        well = "pass" if claim.unique_id.startswith("test.") else "success"
        status = "skipped" if claim.skip else "error" if failed else "reused" if again else well
        entry = {"unique_id": claim.unique_id, "status": status, "execution_time": 0.5, "message": "boom"}
        own = claim.unique_id.startswith("step.")
        session.finish(claim.unique_id, None if own else NodeResult.from_entry(entry, 1))


def announced(world: MemoryWorld) -> list[str]:
    return [event.status for event in world.bus.published if isinstance(event, RunFinished)]
