"""The `graph` of dbt's Jinja context, made only for projects that read it.

dbt builds it after parsing, by turning every node into a dictionary; a manifest that was loaded does not have it.
"""

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from dbt.contracts.graph.manifest import Manifest


class FlatGraph(Mapping[str, Any]):
    """Builds dbt's own flat graph at the first look into it."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._lock = Lock()
        self._built: Mapping[str, Any] | None = None

    def _graph(self) -> Mapping[str, Any]:
        with self._lock:
            if self._built is None:
                self._manifest.build_flat_graph()
                self._built = self._manifest.flat_graph
                self._manifest.flat_graph = self
            return self._built

    def __getitem__(self, name: str) -> Any:
        return self._graph()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._graph())

    def __len__(self) -> int:
        return len(self._graph())
