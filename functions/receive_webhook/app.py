"""POST /webhooks/fivetran/{source}: a raw request becomes a verified, stored event on the bus."""

import base64
import json
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.adapters.webhooks.fivetran import FivetranWebhook
from headgate.bootstrap import world
from headgate.errors import WebhookError
from headgate.observability import logger
from headgate.usecases.receive_webhook import receive_webhook

reader = FivetranWebhook()


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    parameters = event.get("pathParameters") or {}
    try:
        receipt = receive_webhook(
            reader,
            parameters.get("source", ""),
            {name.lower(): value for name, value in (event.get("headers") or {}).items()},
            _raw_body(event),
            events=ports.events,
            bus=ports.bus,
            secrets=ports.secrets,
            clock=ports.clock,
        )
    except WebhookError as refusal:
        logger.warning("webhook refused", status=refusal.status, reason=str(refusal))
        return _answer(refusal.status, {"error": str(refusal)})
    logger.info("webhook taken", receipt=receipt.status, event_id=receipt.event_id)
    return _answer(200, {"status": receipt.status, "event_id": receipt.event_id})


def _raw_body(event: dict[str, Any]) -> bytes:
    # The signature covers the bytes as they were sent, so nothing may decode and encode them in between.
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _answer(status: int, body: dict[str, str]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}
