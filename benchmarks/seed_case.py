"""The case that reuse is for: 500 models every hour, of which 10 have new data.

    python -m benchmarks seed_case

The project (domains.py): fifty domains of ten models, each fed by one connector. Every hour the connector of one
domain syncs: its three staging views pass new rows on to its seven tables, and in some hours a mart of another domain
reads them. At noon somebody publishes a changed staging model. The day is planned and built by the use cases of a
real run, on the twins in memory. Then the same project goes through the local stack: whole, with one domain's new
data, and with nothing new.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.domains import Domains, make_domains
from benchmarks.laptop import Laptop, laptop, moment
from benchmarks.sleepers import PROFILES
from benchmarks.tables import table
from headgate.adapters.memory import MemoryClock, MemoryWorld
from headgate.domain.job import Environment, Job, JobsFile, ReusePolicy, RunnerSize
from headgate.domain.plan import Plan
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult
from headgate.domain.run import Cause
from headgate.domain.sync import Sync
from headgate.usecases.plan_run import plan_run
from headgate.usecases.publish_bundle import publish_bundle
from headgate.usecases.run_nodes import Over, QueueSession
from headgate_cli.bundle.build import build_bundle, variables_of

MODELS, HOURS, HOUR = 500, 24, 3600.0
GOALS = "goals: 97 % reused, 0 containers, 5 s"
ENVIRONMENT = Environment("benchmark", "prod", "domains", threads=4, runners=RunnerSize(max=2))
REUSE = ReusePolicy(unchanged=True, silent_after=7 * 86_400.0)
JOBS_FILE = """\
version: 1
environments:
  benchmark:
    target: prod
    schema: domains
    threads: 4
    runners: {max: 2}
    secrets:
      SLEEPERS_HOST: warehouse/shop#host
      SLEEPERS_PORT: warehouse/shop#port
      SLEEPERS_USER: warehouse/shop#user
      DBT_ENV_SECRET_SLEEPERS_PASSWORD: warehouse/shop#password
      SLEEPERS_DATABASE: warehouse/shop#dbname
jobs:
  hourly:
    environment: benchmark
    run: [dbt build]
    reuse: {unchanged: true}
"""


@dataclass
class Day:
    """The project and its environment, in memory, hour by hour."""

    domains: Domains
    folder: Path
    world: MemoryWorld

    def publish(self) -> None:
        with tempfile.TemporaryDirectory() as scratch:
            bundle = build_bundle(
                self.folder, ENVIRONMENT, variables_of([], ENVIRONMENT.name),
                scratch=Path(scratch), cache=self.folder.parent / "cache",
                secrets=lambda _: dict.fromkeys(_SECRETS, "1"),
            )  # fmt: skip
            publish_bundle(bundle, ENVIRONMENT.name, bundles=self.world.bundles, jobs=self.world.jobs)

    def sync(self, connector: str, number: int) -> None:
        now = self.world.clock.now()
        self.world.freshness.record_sync(Sync("fivetran", connector, connector, str(number), now))

    def run(self, job: Job) -> Plan:
        """Plan a run as PlanRun does, and build what it says at once."""
        world = self.world
        cause = Cause("schedule", str(world.clock.now()))
        run, _ = world.runs.create_run(job, world.jobs.bundle_of(ENVIRONMENT.name), cause)
        plan = plan_run(run.run_id, 1, world).plan
        session = QueueSession(world.queue, world.clock, plan, 1, states=world.states)
        session.begin()
        while not isinstance(claim := session.next(), Over):
            if isinstance(claim, Claim):
                own = claim.unique_id.startswith("step.")
                decided = None if own else session.decide_again(claim)
                assert decided is None, decided  # nobody else builds here
                result = NodeResult.from_entry({"unique_id": claim.unique_id, "status": "success"}, 1)
                session.finish(claim.unique_id, None if own else result)
        session.end()
        return plan


# Parsing connects to nothing, so any value of the right kind will do.
_SECRETS = (
    "SLEEPERS_HOST", "SLEEPERS_PORT", "SLEEPERS_USER", "DBT_ENV_SECRET_SLEEPERS_PASSWORD", "SLEEPERS_DATABASE",
)  # fmt: skip


def a_day(folder: Path) -> str:
    """Hourly runs over a day, after a first one that builds everything."""
    domains = make_domains(MODELS)
    domains.write(folder, PROFILES)
    day = Day(domains, folder, MemoryWorld(clock=MemoryClock()))
    job = Job("hourly", ENVIRONMENT.name, ("dbt build",), reuse=REUSE)
    day.world.jobs.apply(JobsFile((ENVIRONMENT,), (job,), ()))
    day.publish()
    for connector in domains.connectors:
        day.sync(connector, 0)
    first = day.run(job)
    new, built, reasons = [], [], Counter[str]()
    for hour in range(1, HOURS + 1):
        day.world.clock.advance(HOUR)
        connector = domains.connectors[hour * 7 % domains.count]
        day.sync(connector, hour)
        if hour == HOURS // 2:
            domains.write_model(folder, "stg_03_0", domains.parents["stg_03_0"], value=2)
            day.publish()
        plan = day.run(job)
        new.append(len(domains.reading(connector)))
        built.append(sum(node.is_built for node in plan.nodes))
        reasons.update(node.decision.reason.value for node in plan.nodes)
    share = 100 * (1 - sum(built) / (HOURS * MODELS))
    rows: list[tuple[object, ...]] = [
        ("models with new data in an hour, least / most", f"{min(new)} / {max(new)}"),
        ("built in the first run", sum(node.is_built for node in first.nodes)),
        ("built in a later one, least / most", f"{min(built)} / {max(built)}"),
        (f"built in {HOURS} runs, of {HOURS * MODELS}", sum(built)),
        ("reused", f"{share:.1f} %"),
        *((f"`{reason}`", count) for reason, count in reasons.most_common()),
    ]
    return table(f"A day of hourly runs of {MODELS} models, 10 with new data ({GOALS})", ("", ""), rows)


def on_the_stack(machine: Laptop, folder: Path) -> str:
    """The same project by real runners: everything, one domain's new data, nothing."""
    domains = make_domains(MODELS)
    domains.write(folder, PROFILES)
    jobs = folder / "benchmark.yml"
    jobs.write_text(JOBS_FILE)
    machine.headgate("publish", "--project-dir", str(folder), "--jobs", str(jobs))
    machine.headgate("jobs", "apply", "--file", str(jobs))
    for connector in domains.connectors:
        _synced(machine, connector, "first")
    rows = [_measured(machine, "everything, for the first time")]
    _synced(machine, domains.connectors[7], "second")
    rows.append(_measured(machine, "one connector has synced"))
    rows += [_measured(machine, "nothing is new") for _ in range(3)]
    columns = ("run", "built", "reused", "containers", "request to final status s")
    return table(f"The same project on the local stack, 2 runners with 4 threads ({GOALS})", columns, rows)


def _synced(machine: Laptop, connector: str, sync: str) -> None:
    now = machine.world.clock.now()
    # A stack that stays up remembers the syncs of an earlier benchmark.
    machine.world.freshness.record_sync(Sync("fivetran", connector, connector, f"{sync}-{now}", now))


def _measured(machine: Laptop, what: str) -> tuple[object, ...]:
    run = machine.run_job("hourly")
    statuses = Counter(node.result.status.value for node in machine.nodes(run) if node.result is not None)
    containers = len(machine.world.queue.runners(run.run_id, 1))
    seconds = moment(run.finished_at) - moment(run.created_at)
    return what, statuses["success"], statuses["reused"], containers, seconds


def measure() -> str:
    """Both tables."""
    with tempfile.TemporaryDirectory() as home:
        day = a_day(Path(home) / "day")
        with laptop() as machine:
            return day + "\n" + on_the_stack(machine, Path(home) / "stack")


if __name__ == "__main__":
    print(measure())
