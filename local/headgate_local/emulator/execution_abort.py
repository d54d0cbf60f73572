"""StopExecution ends the work of an execution, not only its record.

ministack sets the record to ABORTED and lets the threads go on: Wait states sleep to their end, further
states run, and an error in one of them turns ABORTED into FAILED.
"""

from typing import Any

from ministack.services import stepfunctions as states

from headgate_local.emulator import execution_scope
from headgate_local.emulator.anchors import anchor
from headgate_local.emulator.execution_scope import Cancelled, Scope


def install() -> None:
    run = anchor(states, "_run_execution", "exec_arn")
    fail = anchor(states, "_fail_execution", "execution", "error", "cause")
    task = anchor(states, "_execute_task", "state_def", "raw_input", "execution", "ctx")
    anchor(states, "_scaled_sleep", "seconds")
    scale = anchor(states, "_SFN_WAIT_SCALE")

    def run_in_scope(execution_arn: str) -> None:
        execution = states._executions.get(execution_arn)
        if execution is not None:
            execution_scope.current.set(Scope(execution))
        try:
            run(execution_arn)
        except Cancelled:
            return

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    def task_if_wanted(state: dict[str, Any], raw: Any, execution: dict[str, Any], ctx: Any) -> Any:
        execution_scope.check()
        return task(state, raw, execution, ctx)

    states._run_execution = run_in_scope
    states._fail_execution = fail_if_running
    states._execute_task = task_if_wanted
    states._scaled_sleep = lambda seconds: execution_scope.sleep(seconds * scale)
