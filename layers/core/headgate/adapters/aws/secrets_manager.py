"""Secrets in Secrets Manager, below the stack's prefix; each read is remembered for five minutes."""

import json
from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.errors import InputError, NotFoundError
from headgate.ports import Clock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# So a changed secret is used five minutes later without anybody's doing.
CACHE_SECONDS = 300.0
# Whoever asks for a fresh one (strangers can make the webhooks' function do so) causes one read a second.
FRESH_SECONDS = 1.0
# Names that strangers made up and that do not exist: as many are remembered, for a second.
MOST_MISSING = 256


class SecretsManagerSecrets:
    """Secrets on one prefix. Values never appear in errors."""

    def __init__(self, client: "SecretsManagerClient", prefix: str, clock: Clock) -> None:
        self._client, self._prefix, self._clock = client, prefix, clock
        self._lock = Lock()
        self._known: dict[str, tuple[float, dict[str, str]]] = {}
        self._missing: dict[str, float] = {}

    def get(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """Raises NotFoundError, and InputError when the secret is not a JSON object. Plain values become text."""
        limit = FRESH_SECONDS if fresh else CACHE_SECONDS
        with self._lock:
            read_at, values = self._known.get(name, (0.0, None))
            if values is None or self._clock.now() - read_at >= limit:
                values = self._read(name)
                self._known[name] = (self._clock.now(), values)
            return dict(values)

    def put(self, name: str, values: Mapping[str, str]) -> None:
        full_name, text = self._full(name), json.dumps(dict(values))
        with translated(f"the secret {full_name}"):
            try:
                self._client.put_secret_value(SecretId=full_name, SecretString=text)
            except self._client.exceptions.ResourceNotFoundException:
                self._client.create_secret(Name=full_name, SecretString=text)
        with self._lock:
            self._known.pop(name, None)
            self._missing.pop(name, None)

    def names(self, prefix: str) -> list[str]:
        full_prefix = self._full(prefix)
        with translated(f"the secrets below {full_prefix}"):
            pages = self._client.get_paginator("list_secrets").paginate(
                Filters=[{"Key": "name", "Values": [full_prefix]}]
            )
            found = [entry.get("Name", "") for page in pages for entry in page["SecretList"]]
        # The service's filter compares loosely.
        return sorted(name[len(self._prefix) + 1 :] for name in found if name.startswith(full_prefix))

    def _full(self, name: str) -> str:
        return f"{self._prefix}/{name}"

    def _read(self, name: str) -> dict[str, str]:
        full_name = self._full(name)
        if self._clock.now() - self._missing.get(name, float("-inf")) < FRESH_SECONDS:
            raise NotFoundError(f"the secret {full_name} does not exist")
        try:
            with translated(f"the secret {full_name}"):
                text = self._client.get_secret_value(SecretId=full_name).get("SecretString")
        except NotFoundError:
            self._forget(name)
            raise
        try:
            values = json.loads(text or "")
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise InputError(f'the secret {full_name} must be a JSON object such as {{"key": "value"}}')
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}

    def _forget(self, name: str) -> None:
        """It is not there, or not any more."""
        self._known.pop(name, None)
        if len(self._missing) >= MOST_MISSING:
            self._missing.clear()
        self._missing[name] = self._clock.now()
