"""dbt in this process: imported while the bundle comes, run in the work's thread, ended by the main one."""

import gc
import importlib
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING

from headgate.domain.job import Environment
from headgate_runner.bundle import Folders
from headgate_runner.share import Share
from headgate_runner.state_folder import fetch_state
from headgate_runner.surface import check_version

if TYPE_CHECKING:
    from headgate_runner.invocation import Invocation
    from headgate_runner.shared_verbs import SharedVerb

CANCEL_SECONDS = 2.5
# For how long dbt's run thread may be out of sight while nodes are built. With the lease after it, a runner that
# hangs is found within two leases.
PROGRESS_SECONDS = 45.0
# In which of the engine's phases that thread keeps coming back to the queue; imports and hooks take what they take.
TICKING = frozenset({"waiting", "building"})


class DbtInProcess:
    """One runner's dbt. Made before the lease is taken: importing dbt takes as long as fetching the bundle.

    Raises UnsupportedDbtError for a dbt whose insides are not known, before it is imported.
    """

    def __init__(self, share: Share) -> None:
        check_version()
        self._share = share
        self._importing = _Importing("headgate_runner.invocation")
        self._thread: Thread | None = None
        self._invocation: Invocation | None = None
        self._stopped = False

    def run(self, environment: Environment, folders: Folders) -> None:
        """Build until nothing is left for this runner. Raises DbtFailedError, InputError, and what the queue raises."""
        self._thread, log = current_thread(), self._share.log
        with log.timed("import of dbt"):
            self._importing.join()
        from headgate_runner.invocation import Invocation, arguments, load_manifest

        with log.timed("manifest"):
            manifest = load_manifest(folders.partial_parse)
        gc.freeze()
        gc.enable()
        plan = self._share.plan
        state = fetch_state(self._share, folders.target.parent / "state") if plan.command.defer else None
        self._invocation = Invocation(self._share)
        if self._stopped:
            self._invocation.stop()
        with log.timed("dbt"):
            self._invocation.run(manifest, arguments(plan, environment, folders, state))

    @property
    def engine(self) -> "SharedVerb | None":
        """What dbt runs; None until dbt has read project and profile."""
        return self._invocation.task if self._invocation is not None else None

    @property
    def stopped(self) -> bool:
        """Whether nothing is recorded any more: stopped, or cut off from the queue."""
        return self.engine is not None and self.engine.job_queue.stopped

    def progresses(self) -> bool:
        """Whether dbt's run thread does what it should. A thread that has ended leaves the rest to the main one."""
        engine = self.engine
        if self._thread is None or engine is None:
            return True
        if not self._thread.is_alive() or engine.phase not in TICKING or engine.job_queue.draining:
            return True
        return monotonic() - engine.job_queue.ticked_at < PROGRESS_SECONDS

    def stop(self, reason: str) -> None:  # noqa: ARG002 - dbt has nobody to tell it to
        """Park dbt's threads and cancel their queries."""
        self._stopped = True
        if self._invocation is not None:
            self._invocation.stop()
        engine = self.engine
        if engine is not None and engine.sessions is not None:
            engine.sessions.cancel(self._is_idle, CANCEL_SECONDS)

    def _is_idle(self) -> bool:
        alive = self._thread is not None and self._thread.is_alive()
        return not (alive and self.engine is not None and self.engine.job_queue.in_progress)


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
