"""A request's cookies reach the function as API Gateway's payload 2.0 has them: a list, and no header."""

from typing import Any

from ministack.services import lambda_svc

from headgate_local.emulator.anchors import anchor


def install() -> None:
    execute = anchor(lambda_svc, "_execute_function_with_config_scope")

    def execute_with_cookies(record: Any, event: Any, *rest: Any, **named: Any) -> Any:
        return execute(record, with_cookies(event), *rest, **named)

    lambda_svc._execute_function_with_config_scope = execute_with_cookies


def with_cookies(event: Any) -> Any:
    """The event with its cookie header as ``cookies``, if it is an HTTP API's."""
    if not isinstance(event, dict) or event.get("version") != "2.0" or "routeKey" not in event:
        return event
    cookie = event["headers"].get("cookie")
    if cookie is None:
        return event
    headers = {name: value for name, value in event["headers"].items() if name != "cookie"}
    return {**event, "headers": headers, "cookies": [part.strip() for part in cookie.split(";")]}
