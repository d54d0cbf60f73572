"""Runs as executions of the state machine; the execution's name makes a second start harmless."""

import json
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.domain.run import Run
from headgate.errors import ConflictError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


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
                    input=json.dumps({"run_id": run.run_id, "step": 1}),
                )["executionArn"]
        except ConflictError:
            return f"{self._arn.replace(':stateMachine:', ':execution:')}:{run.execution_name}"

    def stop(self, execution_arn: str, reason: str) -> None:
        """Raises NotFoundError. Stopping what has ended changes nothing."""
        with translated(f"the execution {execution_arn}"):
            self._client.stop_execution(executionArn=execution_arn, error="Cancelled", cause=reason)
