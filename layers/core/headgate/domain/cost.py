"""What a run costs at AWS' published prices: containers, the table, the state machine, functions.

A model, not a bill: the warehouse, data transfer, a NAT gateway and logs are not in it. docs/engine.md explains the
formula; `python -m benchmarks.cost` prints it for known cases.
"""

from dataclasses import dataclass

HOUR = 3600.0
MILLION = 1e6

# Write and read units of one node's life in the queue, from the writes in dynamodb_node_queue.py. Planned in a
# transaction (twice the price) and into the index (2 + 1); claimed (1, and an index entry moves: 2); finished with a
# result of up to 3 kB (3, index entry removed: 1); released by each parent (1, and once into another index entry: 2).
PLANNED_UNITS = 3
CLAIMED_UNITS = 3
FINISHED_UNITS = 4
RELEASED_UNITS = 1
BECAME_READY_UNITS = 2
# A runner looks at the queue's head about twice a second while it has a free thread, and renews its lease.
READS_PER_RUNNER_SECOND = 2.0
# PlanRun, AnythingToBuild, RunNodes, FinalizeRun, MoreSteps, Done; and three for each runner.
TRANSITIONS, TRANSITIONS_PER_RUNNER = 8, 3
# Webhook, triggers, dispatch, plan, finalize, alerts: GB-seconds of all functions together.
FUNCTION_GB_SECONDS, FUNCTION_REQUESTS = 15.0, 8


@dataclass(frozen=True, slots=True)
class Prices:
    """US dollars in us-east-1: Linux on ARM, DynamoDB on demand, Step Functions Standard, Lambda on ARM."""

    vcpu_hour: float = 0.03238
    gb_hour: float = 0.00356
    write_units: float = 0.625  # a million
    read_units: float = 0.125  # a million
    transitions: float = 25.0  # a million
    function_gb_seconds: float = 13.3334  # a million
    function_requests: float = 0.20  # a million


X86 = Prices(vcpu_hour=0.04048, gb_hour=0.004445, function_gb_seconds=16.6667)


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars of one run, by what they are paid for."""

    containers: float
    table: float
    machine: float
    functions: float

    @property
    def total(self) -> float:
        return self.containers + self.table + self.machine + self.functions


def run_cost(
    *,
    nodes: int,
    edges: int,
    runners: int,
    seconds: float,
    cpu: int,
    memory: int,
    prices: Prices | None = None,
) -> Cost:
    """The cost of a step. seconds: from a container's request to its end; cpu: ECS units; memory: MiB.

    Fargate bills each container by the second, a minute at least.
    """
    prices = prices or Prices()
    hours = runners * max(seconds, 60.0) / HOUR
    writes = nodes * (PLANNED_UNITS + CLAIMED_UNITS + FINISHED_UNITS + BECAME_READY_UNITS)
    writes += edges * RELEASED_UNITS
    reads = runners * seconds * READS_PER_RUNNER_SECOND
    transitions = TRANSITIONS + runners * TRANSITIONS_PER_RUNNER
    return Cost(
        containers=hours * (cpu / 1024 * prices.vcpu_hour + memory / 1024 * prices.gb_hour),
        table=(writes * prices.write_units + reads * prices.read_units) / MILLION,
        machine=transitions * prices.transitions / MILLION,
        functions=(
            FUNCTION_GB_SECONDS * prices.function_gb_seconds + FUNCTION_REQUESTS * prices.function_requests
        )
        / MILLION,
    )
