#!/usr/bin/env python
"""A runner without dbt: takes its lease, claims and ends nodes as fast as the table allows. For large_run.py only."""

from threading import Event, Thread

from headgate.bootstrap import world
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult
from headgate.usecases.run_nodes import Idle, QueueSession
from headgate_runner.settings import RunnerSettings

THREADS = 4
RENEW_SECONDS = 15.0


def main() -> None:
    settings, ports = RunnerSettings.from_environment(), world()
    plan = ports.plans.get_plan(settings.run_id, settings.step)
    session = QueueSession(ports.queue, ports.clock, plan, settings.runner)
    session.begin()
    ended = Event()

    def renew() -> None:
        while not ended.wait(RENEW_SECONDS):
            session.renew()

    def build() -> None:
        while True:
            answer = session.next()
            if isinstance(answer, Claim):
                session.finish(answer.unique_id, _result(answer.unique_id, settings.runner))
            elif isinstance(answer, Idle):
                ports.clock.sleep(0.1)
            else:
                return

    Thread(target=renew, daemon=True).start()
    threads = [Thread(target=build) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ended.set()
    session.end()


def _result(unique_id: str, runner: int) -> NodeResult | None:
    if unique_id.startswith("step."):
        return None
    return NodeResult.from_entry({"unique_id": unique_id, "status": "success", "execution_time": 1.0}, runner)


if __name__ == "__main__":
    main()
