"""Below /api: start, see, cancel and repeat runs; see jobs and events; pause and resume jobs (docs/openapi.json).

JSON in and out; every request bears the stack's API token, and nothing of it is looked at before that.
"""

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.api.router import NOT_NOW, REFUSED, answer, answered, headers_of, path_of
from headgate.bootstrap import world
from headgate.domain.api_token import bears
from headgate.errors import UnavailableError
from headgate.observability import logger


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    ports = world()
    given = headers_of(event).get("authorization", "")
    try:
        admitted = given != "" and bears(given, ports.secrets.get("api-token")["token"])
    except UnavailableError:
        return answered(NOT_NOW)
    if not admitted:
        logger.warning("request refused", path=path_of(event)[:200])
        return answered(REFUSED)
    return answer(event, ports)
