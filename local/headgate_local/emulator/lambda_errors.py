"""A raising Lambda reports its exception's class, and stays warm.

ministack answers every failure with errorType ``Runtime.HandlerError``, so a state machine's Retry and Catch
cannot tell one from another, and it kills the environment, so the next call pays a cold start. On AWS
errorType is the class name and the environment lives on.
"""

from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from headgate_local.emulator.anchors import anchor, anchor_text

FAILURE = "__headgate_failure__"
ON_FAILURE = 'json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()})'
REPORT_FAILURE = (
    'json.dumps({"status": "ok", "result": {"' + FAILURE + '": {"errorType": type(e).__name__, '
    '"errorMessage": str(e), "stackTrace": traceback.format_exc().splitlines()}}})'
)


def install() -> None:
    script = anchor_text(lambda_runtime, "_PYTHON_WORKER_SCRIPT", ON_FAILURE)
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(ON_FAILURE, REPORT_FAILURE)
    execute = anchor(lambda_svc, "_execute_function_warm", "func", "event", "request_id")

    def execute_and_name_failure(func: dict[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = execute(func, event, request_id)
        return with_named_failure(answer, request_id)

    lambda_svc._execute_function_warm = execute_and_name_failure


def with_named_failure(answer: dict[str, Any], request_id: str) -> dict[str, Any]:
    """Turn the marked result of a raising handler into the error that AWS would answer."""
    body = answer.get("body")
    if not isinstance(body, dict) or FAILURE not in body:
        return answer
    failure = {**body[FAILURE], "requestId": request_id}
    log = "\n".join(filter(None, [answer.get("log", ""), *failure["stackTrace"]]))
    return {"body": failure, "error": True, "log": log}
