"""The heartbeat: renews the lease while the work goes on, and ends the runner when the lease is gone.

It proves progress and not only life: a process whose work hangs would otherwise keep its nodes for ever.
"""

from collections.abc import Callable
from threading import Event, Thread

from headgate.errors import LeaseLostError, UnavailableError


class Heartbeat:
    """Calls `renew` every few seconds until stopped; `lost` is told once when the lease is lost.

    progresses: whether the work goes on. While it does not, the lease is not renewed; `stalled` is told once each time.
    """

    def __init__(
        self,
        renew: Callable[[], None],
        lost: Callable[[BaseException], None],
        seconds: float,
        progresses: Callable[[], bool] = lambda: True,
        stalled: Callable[[], None] = lambda: None,
    ) -> None:
        self._renew, self._lost, self._seconds = renew, lost, seconds
        self._progresses, self._stalled = progresses, stalled
        self._stop = Event()
        self._thread = Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    def _beat(self) -> None:
        progressed = True
        while not self._stop.wait(self._seconds):
            before, progressed = progressed, self._progresses()
            if not progressed:
                if before:
                    self._stalled()
                continue
            try:
                self._renew()
            except UnavailableError:
                # The lease outlives three beats; `renew` itself says when it is over.
                continue
            except LeaseLostError as fault:
                self._lost(fault)
                return
            except Exception as fault:  # noqa: BLE001 - a heart that stops in silence would let others take our nodes
                self._lost(fault)
                return
