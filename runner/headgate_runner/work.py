"""A runner's work from its start to its end: the lease, the bundle, and the engine that builds.

`_run` happens in a thread of its own, `end` in the main thread afterwards or, when somebody wants the runner to
stop, meanwhile.
"""

import gc
import shutil
import signal
import tempfile
from pathlib import Path
from threading import Thread

from headgate.domain.job import Environment
from headgate.domain.plan import Engine, Plan
from headgate.usecases.read_secrets import read_secrets
from headgate.usecases.run_nodes import QueueSession
from headgate_runner import bundle
from headgate_runner.dbt_in_process import DbtInProcess
from headgate_runner.drain import LEAVE_SECONDS, Drain
from headgate_runner.heartbeat import Heartbeat
from headgate_runner.leaving import Leaving
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor, hidden
from headgate_runner.settings import RunnerSettings, secret_values, set_variables
from headgate_runner.share import Share, World
from headgate_runner.supervision import StoppedBySignal, Supervision

# A quarter of the lease.
HEARTBEAT_SECONDS = 15.0


class Work:
    """One attempt of one runner."""

    def __init__(
        self,
        settings: RunnerSettings,
        world: World,
        redactor: Redactor,
        log: LogStream,
        supervision: Supervision,
    ) -> None:
        self._settings, self._world = settings, world
        self._redactor, self._log, self._supervision = redactor, log, supervision
        self._home = Path(tempfile.mkdtemp(prefix="headgate-run-"))
        self._leaving = Leaving(settings, world, redactor, log, supervision)
        self._share: Share | None = None
        self._dbt: DbtInProcess | None = None
        self._heartbeat: Heartbeat | None = None
        self._thread = Thread(target=self._report, name="dbt", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own; the supervision is told how it ended."""
        self._thread.start()

    def end(self, fault: BaseException | None) -> int:
        """Leave the step in order, whatever ended the work; returns the exit code."""
        code = self._leaving.leave(self._drained(fault))
        if self._heartbeat is not None:
            self._heartbeat.stop()
        shutil.rmtree(self._home, ignore_errors=True)
        return code

    def _drained(self, fault: BaseException | None) -> BaseException | None:
        """After SIGTERM: finish first what fits into the notice; a person's SIGINT gets its answer at once."""
        terminated = isinstance(fault, StoppedBySignal) and fault.number == signal.SIGTERM
        engine = self._dbt.engine if self._dbt is not None else None
        if not terminated or self._share is None or engine is None:
            return fault
        return Drain(self._share, engine, self._settings.stop_seconds - LEAVE_SECONDS).run(fault)

    # In the work's thread -------------------------------------------------------------------------------------

    def _report(self) -> None:
        try:
            self._run()
        except BaseException as fault:  # noqa: BLE001 - whatever it is, the supervisor decides what it means
            self._supervision.report(fault)
        else:
            self._supervision.report(None)

    def _run(self) -> None:
        # Until everything is loaded, nearly nothing is garbage.
        gc.disable()
        with self._log.timed("plan"):
            share = self._share = self._take_share()
        if share.plan.engine is Engine.SHARED:
            self._dbt = DbtInProcess(share)
            self._supervision.attach(self._dbt)
        with self._log.timed("lease, secrets, bundle"):
            self._begin(share)
            environment = self._world.jobs.environment(share.plan.environment)
            self._set_variables(share.plan, environment)
            folders = bundle.fetch(self._world.bundles, share.plan, self._home)
            if share.plan.schema:
                from headgate_runner.other_schema import use_schema

                use_schema(folders.project, environment, share.plan.schema)
        if self._dbt is not None:
            self._dbt.run(environment, folders)
            return
        gc.enable()
        from headgate_runner.command_engine import run_command

        run_command(share, environment, folders)

    def _take_share(self) -> Share:
        plan = self._world.plans.get_plan(self._settings.run_id, self._settings.step)
        world = self._world
        # A step that is one command builds in dbt's order, which nobody here can hold up.
        states = world.states if plan.engine is Engine.SHARED else None
        session = QueueSession(
            world.queue, world.clock, plan, self._settings.runner, world.slots, states, self._tell
        )
        return Share(self._settings, plan, session, self._world, self._redactor, self._log, self._supervision)

    def _tell(self, unique_id: str, text: str) -> None:
        self._log.write("info", text, unique_id)

    def _begin(self, share: Share) -> None:
        share.session.begin()
        self._leaving.session = share.session
        self._log.begin(share.session.epoch)
        self._log.write("info", f"runner {self._settings.runner} begins, attempt {share.session.epoch}")
        self._heartbeat = Heartbeat(
            share.session.renew, self._supervision.report, HEARTBEAT_SECONDS, self._progresses, self._stalled
        )
        self._heartbeat.start()
        self._supervision.watch(share.lease_fault)

    def _progresses(self) -> bool:
        return self._dbt.progresses() if self._dbt is not None else self._thread.is_alive()

    def _stalled(self) -> None:
        self._log.write("error", "dbt's run thread hangs: the lease is not renewed, so that others take over")

    def _set_variables(self, plan: Plan, environment: Environment) -> None:
        # A plan of an earlier version names no secrets: they were the environment's.
        references = environment.secrets if plan.secrets is None else plan.secrets
        values = read_secrets(references, secrets=self._world.secrets)
        self._redactor.learn([*hidden(values, references), *secret_values()])
        set_variables({**plan.variables, **values})
