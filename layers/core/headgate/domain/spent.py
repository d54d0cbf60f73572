"""What a step takes that is only planned: seconds of the warehouse and of runners, dollars of AWS."""

from dataclasses import dataclass

from headgate.domain.cost import run_cost
from headgate.domain.job import Environment
from headgate.domain.plan import Plan

# From asking for a container to its first node (benchmarks/cost.py).
START_UP_SECONDS = 43.0


@dataclass(frozen=True, slots=True)
class Spent:
    """seconds: from the first request to the end. warehouse_seconds, runner_seconds: of all nodes, of all runners.

    dollars: the AWS part, as in domain/cost.py; what the warehouse bills is not in it.
    """

    seconds: float = 0.0
    warehouse_seconds: float = 0.0
    runner_seconds: float = 0.0
    dollars: float = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.seconds + other.seconds,
            self.warehouse_seconds + other.warehouse_seconds,
            self.runner_seconds + other.runner_seconds,
            self.dollars + other.dollars,
        )


def spent_by(plan: Plan, environment: Environment) -> Spent:
    """Of one step, as predicted. A step in which nothing has a turn starts no container."""
    built = [node for node in plan.nodes if node.is_built]
    runners = plan.runners if plan.has_turn else 0
    busy = plan.work_seconds / (runners * plan.threads) if runners else 0.0
    seconds = START_UP_SECONDS + max(plan.critical_path_seconds, busy) if runners else 0.0
    cost = run_cost(
        nodes=len(built),
        edges=sum(len(node.parents) for node in built),
        runners=runners,
        seconds=seconds,
        cpu=environment.runners.cpu,
        memory=environment.runners.memory,
    )
    return Spent(seconds, plan.work_seconds, runners * seconds, cost.total)
