"""What a step takes that is only planned: seconds of the warehouse and of runners, dollars of AWS."""

from dataclasses import dataclass, field

from headgate.domain.forecast import Range, forecast_step
from headgate.domain.job import Environment
from headgate.domain.plan import Plan


@dataclass(frozen=True, slots=True)
class Spent:
    """seconds: from the first request to the end. warehouse_seconds, runner_seconds: of all nodes, of all runners.

    dollars: the AWS part, as in domain/cost.py; what the warehouse bills is not in it.
    """

    seconds: float = 0.0
    warehouse_seconds: float = 0.0
    runner_seconds: float = 0.0
    dollars: Range = field(default_factory=lambda: Range(0.0, 0.0))

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(
            self.seconds + other.seconds,
            self.warehouse_seconds + other.warehouse_seconds,
            self.runner_seconds + other.runner_seconds,
            self.dollars + other.dollars,
        )


def spent_by(plan: Plan, environment: Environment) -> Spent:
    """Of one step, as predicted. A step in which nothing has a turn starts no container."""
    found = forecast_step(plan, environment, now=0.0)
    runners = plan.runners if plan.has_turn else 0
    return Spent(found.span.end, found.warehouse_seconds, runners * found.span.end, found.cost)
