"""The state machine in memory: remembers what was started and stopped."""

from threading import Lock

from headgate.domain.execution import Execution
from headgate.domain.run import Run

_ARN = "arn:aws:states:us-east-1:000000000000:execution:runs:"


class MemoryStateMachine:
    """StateMachine without a service.

    started: execution ARN -> run id; inputs: what each was started with; stopped: execution ARN -> reason. ended:
    execution ARN -> how it ended, by whoever plays the machine.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self.started: dict[str, int] = {}
        self.inputs: dict[str, dict[str, int]] = {}
        self.stopped: dict[str, str] = {}
        self.ended: dict[str, Execution] = {}

    def start(self, run: Run) -> str:
        arn = _ARN + run.execution_name
        with self._lock:
            self.started.setdefault(arn, run.run_id)
            self.inputs.setdefault(arn, {"run_id": run.run_id, "step": run.first_step})
        return arn

    def stop(self, run: Run, reason: str) -> bool:
        arn = _ARN + run.execution_name
        with self._lock:
            if arn in self.started and arn not in self.ended:
                self.stopped[arn] = reason
                self.ended[arn] = Execution("ABORTED", "Cancelled", reason)
            return arn in self.started

    def status(self, run: Run) -> Execution | None:
        arn = _ARN + run.execution_name
        with self._lock:
            return self.ended.get(arn, Execution("RUNNING")) if arn in self.started else None
