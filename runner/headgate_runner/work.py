"""A runner's work from its start to its end: fetch, open, build, and leave nothing half done.

`run` happens in a thread of its own, `end` in the main thread afterwards or, when somebody wants the runner to
stop, meanwhile.
"""

import gc
import importlib
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from headgate.domain.job import Environment
from headgate.errors import (
    ConflictError,
    HeadgateError,
    LeaseLostError,
    UnavailableError,
)
from headgate.usecases.read_secrets import read_secrets
from headgate.usecases.run_nodes import QueueSession
from headgate_runner import bundle
from headgate_runner.heartbeat import Heartbeat
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor, hidden
from headgate_runner.settings import RunnerSettings, secret_values, set_secrets
from headgate_runner.share import Share, World
from headgate_runner.supervision import StoppedBySignal, Supervision
from headgate_runner.surface import check_version

if TYPE_CHECKING:
    from headgate_runner.invocation import Invocation

# Exit codes. A node's failure is a record, not an exit code; ECS starts a crashed runner again.
DONE, CRASHED, LEASE_LOST = 0, 1, 75
# A quarter of the lease.
HEARTBEAT_SECONDS = 15.0
CANCEL_SECONDS = 2.5
# How long a service may take to hear that we end: somebody waits for us after a signal, nobody otherwise.
GOODBYE_SECONDS, PATIENCE_SECONDS = 2.0, 20.0
LONGEST_REASON = 4_000


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
        self._session: QueueSession | None = None
        self._heartbeat: Heartbeat | None = None
        self._invocation: Invocation | None = None
        self._thread = Thread(target=self._report, name="dbt", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own; the supervision is told how it ended."""
        self._thread.start()

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
            share = self._take_share()
        check_version()
        importing = _Importing("headgate_runner.invocation")
        with self._log.timed("lease, secrets, bundle"):
            self._begin(share)
            environment = self._world.jobs.environment(share.plan.environment)
            self._learn_secrets(environment)
            folders = bundle.fetch(self._world.bundles, share.plan, self._home)
        with self._log.timed("import of dbt"):
            importing.join()
        from headgate_runner.invocation import Invocation, arguments, load_manifest

        with self._log.timed("manifest"):
            manifest = load_manifest(folders.partial_parse)
        gc.freeze()
        gc.enable()
        self._invocation = Invocation(share)
        with self._log.timed("dbt"):
            self._invocation.run(manifest, arguments(share.plan, environment, folders))

    def _take_share(self) -> Share:
        plan = self._world.plans.get_plan(self._settings.run_id, self._settings.step)
        session = QueueSession(self._world.queue, self._world.clock, plan, self._settings.runner)
        return Share(self._settings, plan, session, self._world, self._redactor, self._log, self._supervision)

    def _begin(self, share: Share) -> None:
        share.session.begin()
        self._session = share.session
        self._log.begin(share.session.epoch)
        self._log.write("info", f"runner {self._settings.runner} begins, attempt {share.session.epoch}")
        self._heartbeat = Heartbeat(share.session.renew, self._lose, HEARTBEAT_SECONDS)
        self._heartbeat.start()

    def _lose(self, fault: BaseException) -> None:
        if self._invocation is not None and self._invocation.task is not None:
            self._invocation.task.job_queue.stop()
        self._supervision.report(fault)

    def _learn_secrets(self, environment: Environment) -> None:
        values = read_secrets(environment, secrets=self._world.secrets)
        self._redactor.learn([*hidden(values, environment.secrets), *secret_values()])
        set_secrets(values)

    # The end --------------------------------------------------------------------------------------------------

    def end(self, fault: BaseException | None) -> int:
        """Leave the step in order, whatever ended the work; returns the exit code. Takes some seconds at most."""
        code = self._leave(fault)
        if self._heartbeat is not None:
            self._heartbeat.stop()
        shutil.rmtree(self._home, ignore_errors=True)
        return code

    def _leave(self, fault: BaseException | None) -> int:
        if fault is None:
            return DONE if self._within(PATIENCE_SECONDS, lambda: self._give_back(None)) else CRASHED
        if (
            is_record(fault)
            and not self._queue_failed
            and self._within(PATIENCE_SECONDS, lambda: self._halt(str(fault)))
        ):
            return DONE
        self._cancel_queries()
        reason = str(fault) if isinstance(fault, StoppedBySignal) else f"{type(fault).__name__}: {fault}"
        self._log.write("error", reason)
        if isinstance(fault, LeaseLostError):
            return LEASE_LOST
        self._within(GOODBYE_SECONDS, lambda: self._give_back(reason))
        if isinstance(fault, StoppedBySignal):
            return 128 + fault.number
        self._log.write("debug", "".join(traceback.format_exception(fault)))
        return CRASHED

    @property
    def _queue_failed(self) -> bool:
        # One runner's trouble with the queue must not stop the others.
        task = self._invocation.task if self._invocation is not None else None
        return task is not None and task.job_queue.stopped

    def _give_back(self, error: str | None) -> None:
        if self._session is None:
            return
        handed_back = self._session.hand_back() if error is not None else []
        if handed_back:
            self._log.write("warn", f"handed back: {', '.join(handed_back)}")
        self._session.end(error and self._redactor.text(error)[:LONGEST_REASON])

    def _halt(self, reason: str) -> None:
        reason = self._redactor.text(reason)[:LONGEST_REASON]
        self._log.write("error", reason)
        self._world.queue.halt(self._settings.run_id, self._settings.step, reason)
        if self._session is not None:
            self._session.end()

    def _cancel_queries(self) -> None:
        task = self._invocation.task if self._invocation is not None else None
        if task is None:
            return
        task.job_queue.stop()
        if task.sessions is not None:
            idle = lambda: not (task.job_queue.in_progress and self._thread.is_alive())  # noqa: E731
            task.sessions.cancel(idle, CANCEL_SECONDS)

    def _within(self, seconds: float, act: Callable[[], object]) -> bool:
        """Do it, but do not wait for a service that does not answer. False: it failed, or is not done yet."""
        done: list[bool] = []

        def attempt() -> None:
            try:
                act()
            except Exception as fault:  # noqa: BLE001 - the process ends either way
                self._log.write("error", f"could not leave in order: {type(fault).__name__}: {fault}")
            else:
                done.append(True)

        thread = Thread(target=attempt, daemon=True)
        thread.start()
        thread.join(seconds)
        return bool(done)


def is_record(fault: BaseException) -> bool:
    """Whether this end is the step's (a wrong bundle, a database that is down) and not this process'."""
    mine = (LeaseLostError, UnavailableError, ConflictError)
    return isinstance(fault, HeadgateError) and not isinstance(fault, mine)


class _Importing(Thread):
    """Imports a module in the background; `join` raises what the import raised."""

    def __init__(self, module: str) -> None:
        super().__init__(name="import", daemon=True)
        self._module = module
        self._fault: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            importlib.import_module(self._module)
        except BaseException as fault:  # noqa: BLE001 - raised again by join
            self._fault = fault

    def join(self, timeout: float | None = None) -> None:
        super().join(timeout)
        if self._fault is not None:
            raise self._fault
