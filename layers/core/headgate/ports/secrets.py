"""Secrets Manager."""

from collections.abc import Mapping
from typing import Protocol


class Secrets(Protocol):
    """Secrets Manager, below the stack's prefix. Values are cached for five minutes at most."""

    def get(self, name: str) -> Mapping[str, str]:
        """A secret's JSON object. Raises NotFoundError."""
        ...
