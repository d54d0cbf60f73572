"""Airbyte's API, asked for one thing: did this sync end well? https://reference.airbyte.com/reference/getjob"""

from functools import cache
from typing import Any
from urllib.parse import urlsplit

import urllib3

from headgate.adapters.webhooks.json_body import json_object
from headgate.errors import WebhookError

SECONDS = 3.0
LARGEST_ANSWER = 64 * 1024
LOOPBACK = "127.0.0.1"
OVER = {"succeeded", "failed", "cancelled"}


def confirm_sync(api_url: str, api_token: str, job_id: str, connection_id: str) -> None:
    """Return if it did. Raises WebhookError: 401 if it did not, 503 if that cannot be known now.

    api_url: the part before `/v1/jobs/`, https only.
    """
    parts = urlsplit(api_url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname == LOOPBACK):
        raise WebhookError(503, "not confirmed: api_url must begin with https://")
    job = _job(f"{api_url.rstrip('/')}/v1/jobs/{job_id}", api_token)
    if job is None or job.get("connectionId", connection_id) != connection_id:
        raise WebhookError(401, "signature refused")
    if job.get("status") not in OVER:
        raise WebhookError(503, "not confirmed: the sync is not over")
    if job["status"] != "succeeded":
        raise WebhookError(401, "signature refused")


def _job(url: str, api_token: str) -> dict[str, Any] | None:
    """The job as Airbyte has it; None: it knows no such job."""
    try:
        answer = _http().request(
            "GET",
            url,
            headers={"authorization": f"Bearer {api_token}", "accept": "application/json"},
            redirect=False,
            preload_content=False,
        )
        try:
            content = answer.read(LARGEST_ANSWER)
        finally:
            answer.release_conn()
    except urllib3.exceptions.HTTPError as fault:
        raise WebhookError(503, "not confirmed: Airbyte's API does not answer") from fault
    if answer.status == 404:
        return None
    if answer.status != 200:
        raise WebhookError(503, f"not confirmed: Airbyte's API answered {answer.status}")
    try:
        return json_object(content)
    except WebhookError as fault:
        raise WebhookError(503, "not confirmed: Airbyte's API answered with something else") from fault


@cache
def _http() -> urllib3.PoolManager:
    return urllib3.PoolManager(timeout=urllib3.Timeout(total=SECONDS), retries=False)
