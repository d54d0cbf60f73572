"""Runs as executions of the state machine; the execution's name makes a second start harmless."""

import json
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.domain.execution import Execution
from headgate.domain.run import Run
from headgate.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

# StopExecution's own limit of a cause.
_LONGEST_CAUSE = 32_768


class StepFunctionsStateMachine:
    """StateMachine by its ARN."""

    def __init__(self, client: "SFNClient", arn: str) -> None:
        self._client, self._arn = client, arn

    def start(self, run: Run) -> str:
        try:
            with translated(f"the state machine {self._arn}"):
                return self._client.start_execution(
                    stateMachineArn=self._arn,
                    name=run.execution_name,
                    input=json.dumps({"run_id": run.run_id, "step": run.first_step}),
                )["executionArn"]
        except ConflictError:
            return self._execution(run)

    def stop(self, run: Run, reason: str) -> bool:
        arn = self._execution(run)
        try:
            with translated(f"the execution {arn}"):
                self._client.stop_execution(
                    executionArn=arn, error="Cancelled", cause=reason[:_LONGEST_CAUSE]
                )
        except NotFoundError:
            return False
        return True

    def status(self, run: Run) -> Execution | None:
        arn = self._execution(run)
        try:
            with translated(f"the execution {arn}"):
                found = self._client.describe_execution(executionArn=arn)
        except NotFoundError:
            return None
        return Execution(found["status"], found.get("error", ""), found.get("cause", ""))

    def _execution(self, run: Run) -> str:
        return f"{self._arn.replace(':stateMachine:', ':execution:')}:{run.execution_name}"
