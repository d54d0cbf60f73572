"""A runner's last seconds: tell the queue how it ended, leave nothing running, and find the exit code."""

import signal
import traceback
from collections.abc import Callable
from threading import Thread

from headgate.errors import ConflictError, HeadgateError, LeaseLostError, UnavailableError
from headgate.usecases.run_nodes import QueueSession
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor
from headgate_runner.settings import RunnerSettings
from headgate_runner.share import World
from headgate_runner.supervision import (
    DbtKilledError,
    StoppedBySignal,
    Supervision,
    TooLittleMemoryError,
)

# Exit codes. A node's failure is a record, not an exit code; the state machine starts a crashed runner again, and one
# that was out of memory with more of it.
DONE, CRASHED, LEASE_LOST, OUT_OF_MEMORY = 0, 1, 75, 128 + signal.SIGKILL
# How long a service may take to hear that we end: somebody waits for us after a signal, nobody otherwise.
GOODBYE_SECONDS, PATIENCE_SECONDS = 2.0, 20.0
LONGEST_REASON = 4_000


class Leaving:
    """Takes leave of the step, whatever ended the work. `session`: once there is one."""

    def __init__(
        self,
        settings: RunnerSettings,
        world: World,
        redactor: Redactor,
        log: LogStream,
        supervision: Supervision,
    ) -> None:
        self._settings, self._world, self._redactor = settings, world, redactor
        self._log, self._supervision = log, supervision
        self.session: QueueSession | None = None

    def leave(self, fault: BaseException | None) -> int:
        """The exit code, after some seconds at most. fault: what ended the work, None that it is done."""
        if fault is None:
            return DONE if self._within(PATIENCE_SECONDS, lambda: self._give_back(None)) else CRASHED
        if (
            is_record(fault)
            and not self._is_stopped
            and self._within(PATIENCE_SECONDS, lambda: self._halt(str(fault)))
        ):
            return DONE
        self._stop(fault)
        if isinstance(fault, LeaseLostError):
            return LEASE_LOST
        self._within(GOODBYE_SECONDS, lambda: self._give_back(_worded(fault)))
        if isinstance(fault, StoppedBySignal):
            return 128 + fault.number
        # The kernel takes the largest process of a container, which is dbt; the container itself lives on.
        was_taken = isinstance(fault, DbtKilledError) and fault.number == signal.SIGKILL
        if was_taken or isinstance(fault, TooLittleMemoryError):
            return OUT_OF_MEMORY
        self._log.write("debug", "".join(traceback.format_exception(fault)))
        return CRASHED

    @property
    def _is_stopped(self) -> bool:
        # One runner's trouble with the queue must not stop the others.
        building = self._supervision.building
        return building is not None and building.stopped

    def _stop(self, fault: BaseException) -> None:
        building = self._supervision.building
        if building is not None:
            building.stop(_worded(fault))
        self._log.write("error", _worded(fault))

    def _give_back(self, error: str | None) -> None:
        if self.session is None:
            return
        handed_back = self.session.hand_back() if error is not None else []
        if handed_back:
            self._log.write("warn", f"handed back: {', '.join(handed_back)}")
        self.session.end(error and self._redactor.text(error)[:LONGEST_REASON])

    def _halt(self, reason: str) -> None:
        reason = self._redactor.text(reason)[:LONGEST_REASON]
        self._log.write("error", reason)
        # Not by the session: there is none when the plan cannot be read.
        self._world.queue.halt(self._settings.run_id, self._settings.step, reason)
        if self.session is not None:
            self.session.end()

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


def _worded(fault: BaseException) -> str:
    return str(fault) if isinstance(fault, StoppedBySignal) else f"{type(fault).__name__}: {fault}"
