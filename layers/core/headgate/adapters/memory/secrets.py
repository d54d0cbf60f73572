"""Secrets in memory."""

from collections.abc import Mapping

from headgate.errors import NotFoundError


class MemorySecrets:
    """Secrets without a service. `values` may be changed at any time; nothing is cached."""

    def __init__(self, values: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self.values: dict[str, Mapping[str, str]] = dict(values or {})

    def get(self, name: str, *, fresh: bool = False) -> Mapping[str, str]:  # noqa: ARG002 - always fresh
        if name not in self.values:
            raise NotFoundError(f"the secret {name} does not exist")
        return dict(self.values[name])

    def put(self, name: str, values: Mapping[str, str]) -> None:
        self.values[name] = dict(values)

    def names(self, prefix: str) -> list[str]:
        return sorted(name for name in self.values if name.startswith(prefix))
