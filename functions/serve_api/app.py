"""The HTTP API below /api: nothing is there yet."""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return {"statusCode": 404, "headers": {"content-type": "application/json"}, "body": '{"error": "not found"}'}
