"""POST /webhooks/{provider}/{source}[/{token}]: a raw request becomes a verified, stored event on the bus."""

import base64
import binascii
import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.adapters.webhooks.readers import Readers
from headgate.bootstrap import world
from headgate.domain.inbound import Delivery
from headgate.errors import WebhookError
from headgate.observability import logger
from headgate.usecases.receive_webhook import MAX_BODY, receive_webhook

# Of base64, which is a third longer than what it says, and may have line ends in between.
LONGEST_BODY = 2 * MAX_BODY


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    parameters = event.get("pathParameters") or {}
    try:
        receipt = receive_webhook(
            str(parameters.get("provider", "")),
            _delivery(event, parameters),
            readers=Readers(ports.jobs),
            events=ports.events,
            bus=ports.bus,
            secrets=ports.secrets,
            clock=ports.clock,
        )
    except WebhookError as refusal:
        # Neither address nor headers: both may hold a secret.
        logger.warning("webhook refused", status=refusal.status, reason=str(refusal))
        return _answer(refusal.status, {"error": str(refusal)})
    logger.info("webhook taken", receipt=receipt.status, event_id=receipt.event_id)
    return _answer(200, {"status": receipt.status, "event_id": receipt.event_id})


def _delivery(event: dict[str, Any], parameters: dict[str, Any]) -> Delivery:
    headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    return Delivery(
        str(parameters.get("source", "")), headers, _raw_body(event), str(parameters.get("token", ""))
    )


def _raw_body(event: dict[str, Any]) -> bytes:
    # The signature covers the bytes as they were sent, so nothing may decode and encode them in between.
    body = event.get("body") or ""
    if len(body) > LONGEST_BODY:
        raise WebhookError(413, f"body is larger than {MAX_BODY} bytes")
    try:
        return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, ValueError) as fault:
        raise WebhookError(400, "body: cannot be decoded") from fault


def _answer(status: int, body: dict[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
