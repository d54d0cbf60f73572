"""State FinalizeRun, and the end of executions that never reached it (failed, timed out, aborted)."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.domain.outcome import fault_text
from headgate.domain.run import run_id_of
from headgate.observability import logger
from headgate.usecases.finalize_run import Finalized, FinalizeRun


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, object]:
    ports = world()
    finalize = FinalizeRun.of(ports, ports.settings.console_url)
    logger.append_keys(run_id=_run_id(event))
    ended = _from_status_change(event, finalize) if "detail-type" in event else _from_state(event, finalize)
    if ended is None:
        return {}
    logger.info("step finalized", extra=ended.to_state())
    return ended.to_state()


def _run_id(event: dict[str, Any]) -> int | None:
    """None: the execution is not ours."""
    return run_id_of(event["detail"].get("name", "")) if "detail-type" in event else int(event["run_id"])


def _from_state(event: dict[str, Any], finalize: FinalizeRun) -> Finalized:
    error = event.get("error") or {}
    lost = {int(runner["runner"]): runner["why"] for runner in event.get("lost") or []}
    return finalize(int(event["run_id"]), int(event["step"]), _fault(error) if error else None, lost=lost)


def _from_status_change(event: dict[str, Any], finalize: FinalizeRun) -> Finalized | None:
    run_id = _run_id(event)
    if run_id is None:
        return None
    return finalize.after_execution(run_id, event["detail"]["status"], _fault(event["detail"]))


def _fault(error: dict[str, Any]) -> str:
    # States write these names with a capital, status-change events without.
    return fault_text(
        error.get("Error") or error.get("error") or "", error.get("Cause") or error.get("cause") or ""
    )
