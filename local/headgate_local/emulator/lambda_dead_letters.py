"""A function's own dead-letter queue gets the event as the function got it.

ministack forgets the queue when CloudFormation makes the function, and wraps the event as it does for an
OnFailure destination. On AWS the message is the event itself, and its attributes say what was wrong.
"""

import json
from typing import Any

from ministack.services import lambda_svc, sqs
from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor, anchor_key

FUNCTION = "AWS::Lambda::Function"


def install() -> None:
    route = anchor(lambda_svc, "_route_async_failure", "target_arn", "func_name", "event", "result")
    anchor(lambda_svc, "_functions")
    anchor(sqs, "_queue_by_arn", "arn")
    anchor(sqs, "_act_send_message", "data", "qurl")
    handler = anchor_key(provisioners._RESOURCE_HANDLERS, FUNCTION, "provisioners._RESOURCE_HANDLERS")
    create, update = handler["create"], handler["update"]

    def create_with_queue(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        _keep(made[0], properties)
        return made

    def update_with_queue(name: str, old: Any, new: dict[str, Any], *rest: Any, **named: Any) -> Any:
        made = update(name, old, new, *rest, **named)
        _keep(made[0], new)
        return made

    def route_as_it_came(target: str, function: str, event: Any, result: dict[str, Any]) -> None:
        config = lambda_svc._functions[function]["config"]
        if (config.get("DeadLetterConfig") or {}).get("TargetArn") != target:
            route(target, function, event, result)
            return
        _send(target, event, result)

    handler["create"], handler["update"] = create_with_queue, update_with_queue
    lambda_svc._route_async_failure = route_as_it_came


def _keep(name: str, properties: dict[str, Any]) -> None:
    if found := properties.get("DeadLetterConfig"):
        lambda_svc._functions[name]["config"]["DeadLetterConfig"] = found


def _send(target: str, event: Any, result: dict[str, Any]) -> None:
    queue = sqs._queue_by_arn(target)
    if queue is None:
        return
    body = result.get("body")
    message = body.get("errorMessage", "") if isinstance(body, dict) else ""
    attributes = {"ErrorCode": ("Number", "200"), "ErrorMessage": ("String", str(message)[:1024] or "-")}
    request = {
        "QueueUrl": queue["url"],
        "MessageBody": json.dumps(event),
        "MessageAttributes": {
            name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()
        },
    }
    sqs._act_send_message(request, queue["url"])
