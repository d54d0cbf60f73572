"""The cluster in memory: the containers that somebody says there are."""

from threading import Lock

from headgate.domain.execution import Container


class MemoryContainers:
    """Containers without a service. started: ARN -> container, by whoever plays the cluster; stopped: ARN -> reason."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.started: dict[str, Container] = {}
        self.stopped: dict[str, str] = {}

    def running(self) -> list[Container]:
        with self._lock:
            return [found for arn, found in sorted(self.started.items()) if arn not in self.stopped]

    def stop(self, arn: str, reason: str) -> None:
        with self._lock:
            if arn in self.started:
                self.stopped.setdefault(arn, reason)
