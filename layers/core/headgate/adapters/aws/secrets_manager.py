"""Secrets in Secrets Manager, below the stack's prefix; each read is remembered for five minutes."""

import json
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.errors import InputError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# So a changed secret is used five minutes later without anybody's doing.
CACHE_SECONDS = 300.0


class SecretsManagerSecrets:
    """Secrets on one prefix. Values never appear in errors."""

    def __init__(self, client: "SecretsManagerClient", prefix: str, clock: Clock) -> None:
        self._client, self._prefix, self._clock = client, prefix, clock
        self._lock = Lock()
        self._known: dict[str, tuple[float, dict[str, str]]] = {}

    def get(self, name: str) -> Mapping[str, str]:
        """Raises NotFoundError, and InputError when the secret is not a JSON object. Plain values become text."""
        with self._lock:
            read_at, values = self._known.get(name, (0.0, None))
            if values is None or self._clock.now() - read_at >= CACHE_SECONDS:
                values = self._read(name)
                self._known[name] = (self._clock.now(), values)
            return dict(values)

    def _read(self, name: str) -> dict[str, str]:
        full_name = f"{self._prefix}/{name}"
        with translated(f"the secret {full_name}"):
            text = self._client.get_secret_value(SecretId=full_name).get("SecretString")
        try:
            values = json.loads(text or "")
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise InputError(f'the secret {full_name} must be a JSON object such as {{"key": "value"}}')
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
