"""What AWS does by itself: deliver events, run executions, start, stop and lose containers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from headgate.domain.events import Event
from headgate.domain.execution import Container, Execution
from headgate.domain.run import Run
from headgate.errors import HeadgateError
from tests.simulation.history import Entry, History
from tests.simulation.kernel import Actor, Kernel, Process
from tests.simulation.lambdas import FunctionDiedError, Lambdas
from tests.simulation.runner import CRASHED, DONE, KILLED, TERMINATED, Runner

DEFINITION = Path(__file__).resolve().parents[2] / "statemachine" / "run.asl.yaml"
ARN = "arn:aws:states:us-east-1:123456789012:execution:runs:"
STOP_SECONDS = 120.0
RUN_SECONDS = 6 * 3600.0
RUNNER_RETRY_SECONDS = 5.0


@dataclass
class Mishaps:
    """What happens to events and containers, as probabilities; none after `until` (virtual seconds).

    twice: an event is delivered again. late: minutes late. forgotten: a status event of an execution never comes.
    no_capacity: RunTask refuses. never_starts: a container stays PENDING. reclaimed: Spot takes one back.
    """

    twice: float = 0.0
    late: float = 0.0
    forgotten: float = 0.0
    no_capacity: float = 0.0
    never_starts: float = 0.0
    reclaimed: float = 0.0
    until: float = float("inf")


class Bus:
    """EventBridge (port EventBus): every rule's function gets each event at least once, in any order."""

    def __init__(self, kernel: Kernel, lambdas: Lambdas, mishaps: Mishaps) -> None:
        self._kernel, self._lambdas, self._mishaps = kernel, lambdas, mishaps
        self.rules: dict[str, list[tuple[str, Callable[[Process, Event], Any]]]] = {}

    def publish(self, *events: Event) -> None:
        for event in events:
            for name, handler in self.rules.get(event.detail_type(), []):
                self.deliver(name, lambda process, event=event, handler=handler: handler(process, event))

    def deliver(self, name: str, work: Callable[[Process], Any]) -> None:
        random, bad = self._kernel.random, self._kernel.now < self._mishaps.until
        copies = 2 if bad and random.random() < self._mishaps.twice else 1
        for _ in range(copies):
            late = random.uniform(1.0, 300.0) if bad and random.random() < self._mishaps.late else 0.0
            self._lambdas.send(name, work, delay=random.uniform(0.02, 0.5) + late)


@dataclass
class _Task:
    """One container: PENDING until its runner lives, then RUNNING, then STOPPED with an end."""

    container: Container
    process: Process
    waiter: Actor
    runner: Runner | None = None
    end: str | None = None
    stopped_as: str | None = None


class ContainerService:
    """ECS (port Containers)."""

    def __init__(
        self,
        kernel: Kernel,
        history: History,
        mishaps: Mishaps,
        make_runner: Callable[[Process, int, int, int], Runner],
        skew: Callable[[], float],
        start_seconds: Callable[[], float],
    ) -> None:
        self._kernel, self._history, self._mishaps = kernel, history, mishaps
        self._make_runner, self._skew, self._start_seconds = make_runner, skew, start_seconds
        self._tasks: dict[str, _Task] = {}

    def running(self) -> list[Container]:
        return [
            task.container for task in self._tasks.values() if task.end is None and task.stopped_as is None
        ]

    def stop(self, arn: str, reason: str) -> None:
        self._stop(self._tasks.get(arn), "never_started", reason)

    def _stop(self, task: _Task | None, stopped_as: str, reason: str) -> None:
        if task is None or task.end is not None or task.stopped_as is not None:
            return
        task.stopped_as = stopped_as
        self._note(task, f"stopped: {reason}")
        if task.runner is None:
            self._end(task, stopped_as)
            return
        task.runner.terminate()
        self._kernel.at(self._kernel.now + STOP_SECONDS, lambda: self._kernel.kill(task.process))

    def run(self, run_id: int, step: int, runner: int) -> str:
        """ecs:runTask.sync, from the execution's actor; returns how the container ended (NameTheEnd)."""
        if self._drawn(self._mishaps.no_capacity):
            self._kernel.sleep(1.0)
            return "never_started"
        number = len(self._tasks) + 1
        arn = f"arn:aws:ecs:us-east-1:123456789012:task/headgate/{number}"
        process = Process(f"runner {run_id}.{step}.{runner} #{number}", self._skew())
        waiter = self._kernel.current
        assert waiter is not None
        container = Container(arn, run_id, step, runner, self._kernel.now, "PENDING")
        task = _Task(container, process, waiter)
        self._tasks[arn] = task
        self._note(task, "created")
        if not self._drawn(self._mishaps.never_starts):
            self._kernel.at(self._kernel.now + self._start_seconds(), lambda: self._begin(task))
        while task.end is None:
            self._kernel.wait()
        return task.end

    def stop_all(self, run_id: int, reason: str) -> None:
        for arn, task in self._tasks.items():
            if task.container.run_id == run_id:
                self.stop(arn, reason)

    def _begin(self, task: _Task) -> None:
        if task.end is not None:
            return
        seen = task.container
        task.container = Container(seen.arn, seen.run_id, seen.step, seen.runner, seen.created_at, "RUNNING")
        task.process.on_death = lambda: self._exited(task)
        task.runner = self._make_runner(task.process, seen.run_id, seen.step, seen.runner)
        self._note(task, "started")
        self._kernel.spawn(task.process, f"{task.process.name} main", task.runner.main)
        if self._drawn(self._mishaps.reclaimed):
            when = self._kernel.now + self._kernel.random.uniform(0.0, 200.0)
            self._kernel.at(when, lambda: self._stop(task, "reclaimed", "SpotInterruption"))

    def _exited(self, task: _Task) -> None:
        code = task.runner.exit_code if task.runner is not None else None
        code = KILLED if code is None else code
        stopped_as = task.stopped_as if code != DONE else None
        self._end(task, stopped_as or _END_OF.get(code, "crashed"))

    def _end(self, task: _Task, end: str) -> None:
        if task.end is None:
            task.end = end
            self._note(task, f"ended: {end}")
            self._kernel.wake(task.waiter)

    def _drawn(self, likely: float) -> bool:
        return self._kernel.now < self._mishaps.until and self._kernel.random.random() < likely

    def _note(self, task: _Task, what: str) -> None:
        self._history.add(Entry(self._kernel.now, task.process.name, f"container {what}"))


_END_OF = {DONE: "done", TERMINATED: "reclaimed", KILLED: "out_of_memory", CRASHED: "crashed"}


@dataclass
class _Run:
    execution: Execution
    process: Process
    run_id: int
    actors: list[Actor] = field(default_factory=list)


class Executions:
    """Step Functions (port StateMachine): the states of run.asl.yaml, in the order in which they are written there.

    plan, finalize: what the functions do. Limits and Retry are read from the definition.
    """

    def __init__(
        self,
        kernel: Kernel,
        history: History,
        lambdas: Lambdas,
        containers: ContainerService,
        mishaps: Mishaps,
        plan: Callable[[Process, Mapping[str, Any]], Mapping[str, Any]],
        finalize: Callable[[Process, Mapping[str, Any]], Mapping[str, Any]],
        status_changed: Callable[[str, Execution], None],
    ) -> None:
        self._kernel, self._history, self._lambdas, self._containers = kernel, history, lambdas, containers
        self._mishaps, self._plan, self._finalize = mishaps, plan, finalize
        self._status_changed = status_changed
        text = DEFINITION.read_text()
        self._states = yaml.safe_load(re.sub(r"\$\{[A-Za-z]+\}", "0", text))["States"]
        self._limits = {
            name: int(found.group(1))
            for name in ("reclaims", "starts", "crashes")
            if (found := re.search(rf"states\.input\.{name} < (\d+) ", text))
        }
        self._runs: dict[str, _Run] = {}

    # The port -------------------------------------------------------------------------------------------------

    def start(self, run: Run) -> str:
        name = run.execution_name
        if name not in self._runs:
            process = Process(f"execution {name}")
            self._runs[name] = _Run(Execution("RUNNING"), process, run.run_id)
            given = {"run_id": run.run_id, "step": run.first_step}
            self._kernel.spawn(process, process.name, lambda: self._live(name, given))
            self._kernel.at(self._kernel.now + RUN_SECONDS, lambda: self._over(name, Execution("TIMED_OUT")))
        return ARN + name

    def stop(self, run: Run, reason: str) -> bool:
        self._over(run.execution_name, Execution("ABORTED", "", reason))
        return run.execution_name in self._runs

    def status(self, run: Run) -> Execution | None:
        found = self._runs.get(run.execution_name)
        return found.execution if found else None

    # The states -----------------------------------------------------------------------------------------------

    def _live(self, name: str, given: Mapping[str, Any]) -> None:
        try:
            while True:
                ended = self._step(name, given)
                if not isinstance(ended["next_step"], int):
                    break
                given = {"run_id": ended["run_id"], "step": ended["next_step"]}
        except (HeadgateError, FunctionDiedError) as fault:
            self._over(name, Execution("FAILED", _error_of(fault), str(fault)))
        else:
            self._over(name, Execution("SUCCEEDED"))

    def _step(self, name: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
        state = dict(given)
        try:
            planned = self._invoke("PlanRun", self._plan, given)
            if planned["build"]:
                self._run_nodes(name, planned)
        except (HeadgateError, FunctionDiedError) as fault:
            state["error"] = {"Error": _error_of(fault), "Cause": str(fault)}
        return self._invoke("FinalizeRun", self._finalize, state)

    def _run_nodes(self, name: str, planned: Mapping[str, Any]) -> None:
        left = len(planned["runners"])
        execution = self._kernel.current
        assert execution is not None

        def iteration(runner: int) -> None:
            nonlocal left
            self._run_runner(planned, runner)
            left -= 1
            self._kernel.wake(execution)

        for runner in planned["runners"]:
            self._kernel.spawn(
                execution.process, f"{execution.name} map {runner}", lambda runner=runner: iteration(runner)
            )
        while left:
            self._kernel.wait()

    def _run_runner(self, planned: Mapping[str, Any], runner: int) -> None:
        used = {"reclaims": 0, "starts": 0, "crashes": 0}
        sizes = len(planned.get("memory_steps") or [1])
        while True:
            end = self._containers.run(planned["run_id"], planned["step"], runner)
            if end == "done":
                return
            if end == "out_of_memory" and sizes > 1:
                sizes -= 1
            else:
                kind = {"reclaimed": "reclaims", "never_started": "starts"}.get(end, "crashes")
                if used[kind] >= self._limits[kind]:
                    return
                used[kind] += 1
            pause = RUNNER_RETRY_SECONDS * 2.0 ** (used["starts"] + used["crashes"] - 1)
            self._kernel.sleep(min(120.0, pause) * (1 + self._kernel.random.random()) / 2)

    def _invoke(
        self,
        state: str,
        function: Callable[[Process, Mapping[str, Any]], Mapping[str, Any]],
        given: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """A Task that invokes a Lambda, with the state's own Retry. Payloads are JSON."""
        retries = self._states[state]["Retry"]
        used = [0] * len(retries)
        while True:
            try:
                answer = self._lambdas.call(
                    f"{state} {given['run_id']}", lambda process: function(process, given)
                )
                return dict(json.loads(json.dumps(answer)))
            except (HeadgateError, FunctionDiedError) as fault:
                rule = _rule_for(retries, _error_of(fault))
                if rule is None or used[rule] >= retries[rule]["MaxAttempts"]:
                    raise
                pause = retries[rule]["IntervalSeconds"] * retries[rule]["BackoffRate"] ** used[rule]
                used[rule] += 1
                self._kernel.sleep(
                    self._kernel.random.uniform(0.0, min(pause, retries[rule]["MaxDelaySeconds"]))
                )

    # The end --------------------------------------------------------------------------------------------------

    def _over(self, name: str, execution: Execution) -> None:
        run = self._runs.get(name)
        if run is None or run.execution.is_over:
            return
        run.execution = execution
        self._history.add(Entry(self._kernel.now, f"execution {name}", f"execution {execution.status}"))
        if execution.status in ("ABORTED", "TIMED_OUT"):
            self._containers.stop_all(run.run_id, f"execution {execution.status}")
        if execution.status != "SUCCEEDED":
            lost = (
                self._kernel.now < self._mishaps.until
                and self._kernel.random.random() < self._mishaps.forgotten
            )
            if not lost:
                self._status_changed(name, execution)
        self._kernel.kill(run.process)


def _error_of(fault: Exception) -> str:
    return "Lambda.Unknown" if isinstance(fault, FunctionDiedError) else type(fault).__name__


def _rule_for(retries: list[dict[str, Any]], error: str) -> int | None:
    for number, rule in enumerate(retries):
        if error in rule["ErrorEquals"] or "States.ALL" in rule["ErrorEquals"]:
            return number
    return None
