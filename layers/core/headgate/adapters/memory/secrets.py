"""Secrets in memory."""

from collections.abc import Mapping

from headgate.errors import NotFoundError


class MemorySecrets:
    """Secrets without a service. `values` may be changed at any time; nothing is cached."""

    def __init__(self, values: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.values: dict[str, Mapping[str, str]] = dict(values or {})

    def get(self, name: str) -> Mapping[str, str]:
        if name not in self.values:
            raise NotFoundError(f"the secret {name} does not exist")
        return dict(self.values[name])
