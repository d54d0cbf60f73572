"""Sessions with the shared queue, driven as the runner and dbt would drive them."""

from headgate.adapters.memory import MemoryClock
from headgate.domain.plan import CLOSING, OPENING, Plan
from headgate.domain.queue import LEASE_SECONDS, MARGIN_SECONDS, Claim
from headgate.domain.results import NodeResult, NodeStatus
from headgate.ports import Clock, NodeQueue, Slots
from headgate.usecases.run_nodes import SWEEP_SECONDS, Over, QueueSession
from tests.plans import result_of

LOST_AFTER = LEASE_SECONDS + MARGIN_SECONDS + SWEEP_SECONDS + 1


def begun(
    queue: NodeQueue, clock: Clock, plan: Plan, runner: int, slots: Slots | None = None
) -> QueueSession:
    session = QueueSession(queue, clock, plan, runner, slots)
    session.begin()
    return session


def claimed(session: QueueSession) -> str:
    claim = session.next()
    assert isinstance(claim, Claim), claim
    return claim.unique_id


def built(session: QueueSession, status: NodeStatus = NodeStatus.SUCCESS) -> str:
    """Claim one node and finish it as dbt would: a node that is to be skipped is skipped."""
    claim = session.next()
    assert isinstance(claim, Claim), claim
    session.finish(claim.unique_id, outcome(claim, status))
    return claim.unique_id


def outcome(claim: Claim, status: NodeStatus) -> NodeResult | None:
    if claim.unique_id in (OPENING, CLOSING):
        return None
    return result_of(claim.unique_id, NodeStatus.SKIPPED if claim.skip else status)


def run_to_the_end(*sessions: QueueSession, failing: frozenset[str] = frozenset()) -> list[str]:
    """Let sessions take turns until each is over; the order in which nodes were claimed."""
    order: list[str] = []
    left = list(sessions)
    for _ in range(200):
        for session in list(left):
            answer = session.next()
            if isinstance(answer, Over):
                left.remove(session)
            elif isinstance(answer, Claim):
                order.append(answer.unique_id)
                status = NodeStatus.ERROR if answer.unique_id in failing else NodeStatus.SUCCESS
                session.finish(answer.unique_id, outcome(answer, status))
        if not left:
            return order
    raise AssertionError(f"never over; so far {order}")


def survive(session: QueueSession, clock: MemoryClock) -> None:
    """Let so much time pass that others count as lost, while this session renews."""
    for _ in range(4):
        clock.advance(LOST_AFTER / 4)
        session.renew()
