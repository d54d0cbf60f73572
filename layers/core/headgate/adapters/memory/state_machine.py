"""The state machine in memory: remembers what was started and stopped."""

from threading import Lock

from headgate.domain.run import Run
from headgate.errors import NotFoundError

_ARN = "arn:aws:states:us-east-1:000000000000:execution:runs:"


class MemoryStateMachine:
    """StateMachine without a service. started: execution ARN -> run id; stopped: execution ARN -> reason."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.started: dict[str, int] = {}
        self.stopped: dict[str, str] = {}

    def start(self, run: Run) -> str:
        arn = _ARN + run.execution_name
        with self._lock:
            self.started.setdefault(arn, run.run_id)
        return arn

    def stop(self, execution_arn: str, reason: str) -> None:
        with self._lock:
            if execution_arn not in self.started:
                raise NotFoundError(f"execution {execution_arn} does not exist")
            self.stopped.setdefault(execution_arn, reason)
