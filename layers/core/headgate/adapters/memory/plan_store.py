"""Plans in memory."""

from dataclasses import replace
from threading import RLock

from headgate.domain.plan import Plan
from headgate.errors import NotFoundError


class MemoryPlanStore:
    """PlanStore without a service."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._plans: dict[tuple[int, int], Plan] = {}

    def put_plan(self, plan: Plan) -> None:
        with self._lock:
            self._plans[plan.run_id, plan.step] = replace(plan)

    def get_plan(self, run_id: int, step: int) -> Plan:
        with self._lock:
            if (run_id, step) not in self._plans:
                raise NotFoundError(f"run {run_id}, step {step} has no plan")
            return replace(self._plans[run_id, step])
