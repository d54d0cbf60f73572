"""StopExecution, and the machine's own TimeoutSeconds, end the work of an execution, not only its record.

ministack sets the record to ABORTED and lets the threads go on: Wait states sleep to their end, further
states run, and an error in one of them turns ABORTED into FAILED. TimeoutSeconds of the whole machine it
does not know; on AWS the execution ends as TIMED_OUT.
"""

import contextvars
import json
import threading
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
    anchor(states, "_add_event", "execution", "event_type")
    anchor(states, "_emit_execution_status_event", "execution")
    scale = anchor(states, "_SFN_WAIT_SCALE")

    def run_in_scope(execution_arn: str) -> None:
        execution = states._executions.get(execution_arn)
        if execution is None:
            return
        execution_scope.current.set(Scope(execution))
        timer = _timer(execution)
        try:
            run(execution_arn)
        except Cancelled:
            return
        finally:
            if timer is not None:
                timer.cancel()

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


def _timer(execution: dict[str, Any]) -> threading.Timer | None:
    """Started for a machine that limits the time of its executions."""
    machine = states._state_machines.get(execution["stateMachineArn"])
    try:
        seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    except ValueError:
        return None  # the run itself reports a definition that cannot be read
    if not seconds:
        return None
    context = contextvars.copy_context()  # it names the account and region
    timer = threading.Timer(float(seconds), context.run, args=(_time_out, execution))
    timer.daemon = True
    timer.start()
    return timer


def _time_out(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        return
    execution.update(status="TIMED_OUT", error="States.Timeout", stopDate=states.now_iso())
    states._add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {}})
    states._emit_execution_status_event(execution)
