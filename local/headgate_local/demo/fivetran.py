"""The demo's Fivetran: signed webhooks over real HTTP, to the address a person would give it."""

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime

import httpx

from headgate_local.local_file import LocalStack


class Fivetran:
    """Sends what Fivetran sends, with the stack's own secret."""

    def __init__(self, stack: LocalStack) -> None:
        self._url = f"{stack.url}/webhooks/fivetran/{stack.fivetran_source}"
        self._secret = stack.fivetran_secret.encode()

    def sync_ended(self, connector: str) -> bytes:
        """The body of a new sync's successful end."""
        return json.dumps(
            {
                "event": "sync_end",
                "created": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "connector_type": "postgres",
                "connector_id": connector,
                "connector_name": connector,
                "sync_id": str(uuid.uuid4()),
                "destination_group_id": "demo",
                "data": {"status": "SUCCESSFUL"},
            }
        ).encode()

    def post(self, body: bytes, signature: str | None = None) -> httpx.Response:
        """Deliver it, signed unless another signature is given."""
        # By hand, not by the receiver's own function: the demo is the other side of the wire.
        signed = hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        return httpx.post(
            self._url,
            content=body,
            headers={"content-type": "application/json", "X-Fivetran-Signature-256": signature or signed},
            timeout=30,
        )
