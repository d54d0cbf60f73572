"""One history: the whole control path on the in-memory twins, from a webhook to the end of every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from headgate.adapters.memory import MemoryWorld
from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, sign
from headgate.adapters.webhooks.readers import Readers
from headgate.domain.bundle import INDEX, named
from headgate.domain.command import Command
from headgate.domain.events import ConnectorSynced, Event, RunFinished, RunQueued
from headgate.domain.execution import Execution
from headgate.domain.inbound import Delivery
from headgate.domain.instant import iso
from headgate.domain.run import Cause, run_id_of
from headgate.errors import ConflictError, HeadgateError
from headgate.usecases.cancel_run import cancel_run
from headgate.usecases.dispatch_runs import dispatch_runs
from headgate.usecases.finalize_run import FinalizeRun
from headgate.usecases.match_triggers import match_triggers
from headgate.usecases.open_gates import open_gates
from headgate.usecases.plan_run import plan_run
from headgate.usecases.reap_runs import reap_runs
from headgate.usecases.receive_webhook import receive_webhook
from headgate.usecases.retry_run import retry_run
from tests.simulation.history import History
from tests.simulation.kernel import START, Kernel, Process
from tests.simulation.lambdas import FunctionDiedError, Lambdas
from tests.simulation.ports import Network
from tests.simulation.runner import Runner
from tests.simulation.scenario import SECRET, Scenario, Sync
from tests.simulation.services import Bus, ContainerService, Executions
from tests.simulation.warehouse import Warehouse
from tests.simulation.world import Ports, ProcessWorld, TrueClock

MINUTE = 60.0


def make_world(clock: TrueClock) -> MemoryWorld:
    """The twins as they are; planted faults bring others."""
    return MemoryWorld(clock=clock)  # type: ignore[arg-type]


class Simulation:
    """Sets the scene, lets it happen, and keeps what happened: `history`, and the twins in `world`."""

    def __init__(self, scenario: Scenario, world: Callable[[TrueClock], MemoryWorld] = make_world) -> None:
        self.scenario = scenario
        self.kernel = Kernel(scenario.seed)
        self.history = History()
        self.world = world(TrueClock(self.kernel))
        self.warehouse = Warehouse(self.world.queue, self.history)
        self.accepted: dict[str, Sync] = {}
        self._random = Random(f"runners {scenario.seed}")
        network = Network(self.kernel, self.history, scenario.weather)
        self.network = network
        self.lambdas = Lambdas(self.kernel, lambda: self._skew(scenario.skew / 100))
        self.bus = Bus(self.kernel, self.lambdas, scenario.mishaps)
        self.containers = ContainerService(
            self.kernel,
            self.history,
            scenario.mishaps,
            self._runner,
            lambda: self._skew(scenario.skew),
            lambda: self._random.uniform(0.6, 1.4) * scenario.start_seconds,
        )
        self.machine = Executions(
            self.kernel,
            self.history,
            self.lambdas,
            self.containers,
            scenario.mishaps,
            self._plan,
            self._finalize,
            self._status_changed,
        )
        self.ports = Ports(
            self.kernel, network, self.world, bus=self.bus, machine=self.machine, containers=self.containers
        )
        match, dispatch = ("match_triggers", self._match), ("dispatch_runs", self._dispatch)
        self.bus.rules = {
            ConnectorSynced.detail_type(): [match],
            RunQueued.detail_type(): [dispatch],
            RunFinished.detail_type(): [match, dispatch],
        }
        self._set_the_scene()

    def run(self) -> None:
        """Everything up to the deadline, or until nothing is left to be done once things go well again."""
        for sync in self.scenario.syncs:
            source = Process(f"fivetran {sync.sync_id}")
            for at in sync.sends:
                self.kernel.spawn(source, source.name, lambda sync=sync: self._send(sync), at - START)
        for at in self.scenario.cancels:
            self.kernel.at(at, lambda: self._on_a_run("cancel_run", self._cancel))
        for number, at in enumerate(self.scenario.retries):
            retry = partial(self._retry, cause=Cause("cli", f"retry {number}"), from_start=number == 2)
            self.kernel.at(at, lambda retry=retry: self._on_a_run("retry_run", retry))  # type: ignore[misc]
        for at in self.scenario.aborts:
            self.kernel.at(at, self._abort)
        self.kernel.at(START + MINUTE, self._every_minute)
        self.kernel.at(self.scenario.quiet_at, self._redrive)
        self.kernel.run(self.scenario.deadline)
        self.kernel.close()

    # What makes things happen ---------------------------------------------------------------------------------

    def _send(self, sync: Sync) -> None:
        """Fivetran: sends until it is answered with 200."""
        body = json.dumps(
            {
                "event": "sync_end",
                "created": iso(self.kernel.now),
                "connector_id": sync.connector,
                "sync_id": sync.sync_id,
                "data": {"status": "SUCCESSFUL"},
            }
        ).encode()
        headers = {SIGNATURE_HEADER: sign(body, SECRET)}
        pause = 5.0
        while True:
            try:
                self.lambdas.call("receive_webhook", lambda process: self._receive(process, headers, body))
            except (HeadgateError, FunctionDiedError):
                self.kernel.sleep(pause)
                pause = min(2 * pause, 600.0)
            else:
                self.accepted[sync.sync_id] = sync
                return

    def _on_a_run(self, verb: str, work: Callable[[Process, int], None]) -> None:
        """Somebody does something with a run, whatever it is doing."""
        runs = self.world.runs.list_runs(10_000)
        if runs:
            run_id = self.kernel.random.choice(runs).run_id
            self.lambdas.send(f"{verb} {run_id}", lambda process: work(process, run_id))

    def _abort(self) -> None:
        """Somebody stops an execution in AWS."""
        active = [run for run in self.world.runs.active_runs() if self.machine.status(run)]
        if active:
            self.machine.stop(self.kernel.random.choice(active), "by hand")

    def _every_minute(self) -> None:
        if self._settled():
            self.kernel.over = lambda: True
            return
        self.lambdas.send("reap_runs", self._reap)
        self.lambdas.send("open_gates", self._look)
        self.kernel.at(self.kernel.now + MINUTE, self._every_minute)

    def _settled(self) -> bool:
        """Whether everything ended and stayed so for a while."""
        now = self.kernel.now
        quiet = now > self.scenario.quiet_at and not self.world.runs.active_runs()
        if not quiet or self.containers.running() or self.lambdas.under_way:
            self._settled_since = None
            return False
        self._settled_since = self._settled_since or now
        return now - self._settled_since >= 3 * MINUTE

    _settled_since: float | None = None

    def _redrive(self) -> None:
        """Somebody saw the alarms: what lies in the dead-letter queues is sent again."""
        letters, self.lambdas.dead_letters = self.lambdas.dead_letters, []
        for name, work in letters:
            self.lambdas.send(name, work)

    # The functions --------------------------------------------------------------------------------------------

    def _receive(self, process: Process, headers: Mapping[str, str], body: bytes) -> None:
        ports = self._seen_by(process)
        receive_webhook(
            "fivetran",
            Delivery("default", headers, body),
            readers=Readers(ports.jobs),
            events=ports.events,
            bus=ports.bus,
            secrets=ports.secrets,
            clock=ports.clock,
        )

    def _match(self, process: Process, event: ConnectorSynced | RunFinished) -> None:
        ports = self._seen_by(process)
        match_triggers(event, ports)

    def _look(self, process: Process) -> None:
        """What match_triggers does once a minute; nothing here has a schedule."""
        ports = self._seen_by(process)
        open_gates(ports)

    def _dispatch(self, process: Process, event: Event | None = None) -> None:
        ports = self._seen_by(process)
        announced = event.run_id if isinstance(event, RunQueued) else None
        dispatch_runs(announced, ports)

    def _plan(self, process: Process, given: Mapping[str, Any]) -> Mapping[str, Any]:
        ports = self._seen_by(process)
        planned = plan_run(given["run_id"], given["step"], ports)
        return planned.to_state()

    def _finalize(self, process: Process, given: Mapping[str, Any]) -> Mapping[str, Any]:
        fault = given["error"]["Error"] if "error" in given else None
        return self._finalizing(process)(given["run_id"], given["step"], fault).to_state()

    def _status_changed(self, name: str, execution: Execution) -> None:
        run_id = run_id_of(name)
        assert run_id is not None

        def work(process: Process) -> None:
            self._finalizing(process).after_execution(run_id, execution.status, execution.cause)

        self.bus.deliver("finalize_run", work)

    def _reap(self, process: Process) -> None:
        ports = self._seen_by(process)
        reap_runs(
            runs=ports.runs,
            queue=ports.queue,
            plans=ports.plans,
            machine=ports.machine,
            containers=ports.containers,
            slots=ports.slots,
            clock=ports.clock,
            finalize=self._finalizing(process),
            dispatch=partial(dispatch_runs, None, ports),
        )

    def _cancel(self, process: Process, run_id: int) -> None:
        ports = self._seen_by(process)
        try:
            cancel_run(
                run_id,
                "by somebody",
                runs=ports.runs,
                machine=ports.machine,
                queue=ports.queue,
                bus=ports.bus,
            )
        except ConflictError:
            return  # it was over

    def _retry(self, process: Process, run_id: int, cause: Cause, from_start: bool) -> None:
        ports = self._seen_by(process)
        try:
            retry_run(
                run_id, from_start=from_start, cause=cause, runs=ports.runs, queue=ports.queue, bus=ports.bus
            )
        except ConflictError:
            return  # it is not over, or left nothing undone

    def _finalizing(self, process: Process) -> FinalizeRun:
        return FinalizeRun.of(self._seen_by(process), "https://console.example.com")

    # The scene ------------------------------------------------------------------------------------------------

    def _set_the_scene(self) -> None:
        scenario = self.scenario
        self.world.jobs.apply(scenario.jobs)
        self.world.secrets.values["webhooks/fivetran/default"] = {"secret": SECRET}
        index = named(Command("build").vars_digest, INDEX)
        for environment, project in scenario.bundles.items():
            digest = f"{environment:d<64}"
            self.world.bundles._files[digest, index] = project.encode()
            self.world.jobs.point_at(environment, digest)

    def _runner(self, process: Process, run_id: int, step: int, number: int) -> Runner:
        return Runner(
            self.kernel,
            process,
            self._seen_by(process),
            run_id,
            step,
            number,
            self.scenario.turn,
            Random(f"{self.scenario.seed} {process.name}"),
            self.warehouse,
        )

    def _seen_by(self, process: Process) -> ProcessWorld:
        return self.ports.seen_by(process)

    def _skew(self, most: float) -> float:
        return self._random.uniform(-most, most)
