"""Secrets Manager."""

from collections.abc import Mapping
from typing import Protocol


class Secrets(Protocol):
    """Secrets Manager, below the stack's prefix."""

    def get(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:
        """A secret's JSON object, as it was five minutes ago at most; fresh: a second ago at most.

        Raises NotFoundError.
        """
        ...

    def put(self, name: str, values: Mapping[str, str]) -> None:
        """Make it, or replace all its values."""
        ...

    def names(self, prefix: str) -> list[str]:
        """Of every secret whose name begins so, in their order."""
        ...
