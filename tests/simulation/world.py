"""The in-memory twins, each behind the network; and what one process sees of them."""

from __future__ import annotations

from typing import Any

from headgate.adapters.memory import MemoryWorld
from tests.simulation.kernel import Kernel, Process, ProcessClock
from tests.simulation.ports import Network, Port

PORTS = (
    "jobs",
    "activities",
    "gates",
    "queue",
    "bundles",
    "artifacts",
    "plans",
    "history",
    "bus",
    "machine",
    "secrets",
    "slots",
    "containers",
    "alerts",
    "runs",
    "events",
    "states",
    "freshness",
)


class TrueClock:
    """What the services go by."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now(self) -> float:
        return self._kernel.now

    def sleep(self, seconds: float) -> None:
        raise RuntimeError("a service does not sleep")


class ProcessWorld:
    """Every port under its usual name, for one process: the ports are shared, the clock is its own."""

    def __init__(self, ports: dict[str, Any], clock: ProcessClock) -> None:
        self.__dict__.update(ports)
        self.clock = clock

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no port named {name}")


class Ports:
    """All ports of one simulation. `inner` is the truth, for those who set the scene and for the checker."""

    def __init__(self, kernel: Kernel, network: Network, inner: MemoryWorld, **services: object) -> None:
        self._kernel, self.inner = kernel, inner
        self._ports = {
            name: Port(network, name, services.get(name) or getattr(inner, name)) for name in PORTS
        }

    def seen_by(self, process: Process) -> ProcessWorld:
        return ProcessWorld(self._ports, ProcessClock(self._kernel, process))
