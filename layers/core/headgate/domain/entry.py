"""What is read of manifest.json: the shapes of its entries and of itself. Everything else in the file is passed over.

Newer sections and fields are missing from older manifests, hence the defaults. `Raw` members stay JSON text until
somebody asks: most manifests have none of them, or nobody looks.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

NOTHING = msgspec.Raw()


class DependsOn(msgspec.Struct, frozen=True):
    nodes: tuple[str, ...] = ()
    macros: tuple[str | None, ...] = ()

    @property
    def calls(self) -> tuple[str, ...]:
        """The macros without the nulls that dbt writes for those that are gone."""
        return tuple(macro for macro in self.macros if macro)


class TestMetadata(msgspec.Struct, frozen=True):
    """Of a generic test: its name without its package, that package, and what it was called with."""

    name: str = ""
    namespace: str | None = None
    kwargs: dict[str, Any] = {}


class Contract(msgspec.Struct, frozen=True):
    enforced: bool = False
    checksum: str | None = None


class Column(msgspec.Struct, frozen=True):
    description: str | None = None
    data_type: str | None = None
    meta: msgspec.Raw = NOTHING
    tags: msgspec.Raw = NOTHING


class Entry(msgspec.Struct):
    """One object of the manifest, of any section: the union of the fields that are read."""

    unique_id: str
    name: str
    resource_type: str
    package_name: str = ""
    fqn: tuple[str, ...] = ()
    original_file_path: str = ""
    patch_path: str | None = None
    tags: tuple[str, ...] | str | None = None
    group: str | None = None
    access: str | None = None
    schema: str | None = None
    database: str | None = None
    alias: str | None = None
    identifier: str | None = None
    relation_name: str | None = None
    depends_on: DependsOn | None = None
    checksum: Any = None
    version: str | int | float | None = None
    latest_version: str | int | float | None = None
    deprecation_date: Any = None
    source_name: str | None = None
    test_metadata: TestMetadata | None = None
    column_name: str | None = None
    attached_node: str | None = None
    language: str | None = None
    raw_code: str | None = None
    description: str | None = None
    columns: dict[str, Column] = {}
    contract: Contract | None = None
    owner: Any = None
    meta: dict[str, Any] | None = None
    source_meta: dict[str, Any] | None = None
    config: dict[str, Any] = {}
    unrendered_config: dict[str, Any] = {}
    # of sources
    unrendered_database: str | None = None
    unrendered_schema: str | None = None
    loaded_at_field: str | None = None
    quoting: msgspec.Raw = NOTHING
    freshness: msgspec.Raw = NOTHING
    external: msgspec.Raw = NOTHING
    # of exposures, metrics, semantic models, saved queries, functions
    type: msgspec.Raw = NOTHING
    label: str | None = None
    maturity: str | None = None
    url: str | None = None
    model: str | None = None
    primary_entity: str | None = None
    defaults: msgspec.Raw = NOTHING
    entities: msgspec.Raw = NOTHING
    dimensions: msgspec.Raw = NOTHING
    measures: msgspec.Raw = NOTHING
    query_params: msgspec.Raw = NOTHING
    exports: msgspec.Raw = NOTHING
    arguments: msgspec.Raw = NOTHING
    returns: msgspec.Raw = NOTHING

    @property
    def parents(self) -> tuple[str, ...]:
        """dbt ignores what a seed's hooks refer to: seeds have no parents (SeedNode.depends_on_nodes)."""
        return self.depends_on.nodes if self.depends_on and self.resource_type != "seed" else ()

    @property
    def macros(self) -> tuple[str, ...]:
        """The macros that it calls directly."""
        return self.depends_on.calls if self.depends_on else ()


class MacroEntry(msgspec.Struct):
    unique_id: str
    package_name: str = ""
    original_file_path: str = ""
    macro_sql: str = ""
    depends_on: DependsOn | None = None

    @property
    def macros(self) -> tuple[str, ...]:
        """The macros that it calls directly."""
        return self.depends_on.calls if self.depends_on else ()


class GroupEntry(msgspec.Struct):
    name: str
    owner: Any = None


class Metadata(msgspec.Struct):
    dbt_schema_version: str = ""
    dbt_version: str = ""
    project_name: str | None = None
    adapter_type: str | None = None


class Head(msgspec.Struct):
    """A manifest of any version, as far as it tells which version it is."""

    metadata: Metadata


class Manifest(msgspec.Struct):
    """The manifest's sections, of v10 to v12."""

    metadata: Metadata
    nodes: dict[str, Entry]
    sources: dict[str, Entry] = {}
    exposures: dict[str, Entry] = {}
    metrics: dict[str, Entry] = {}
    semantic_models: dict[str, Entry] = {}
    saved_queries: dict[str, Entry] = {}
    unit_tests: dict[str, Entry] = {}
    functions: dict[str, Entry] = {}
    macros: dict[str, MacroEntry] = {}
    groups: dict[str, GroupEntry] = {}
    selectors: dict[str, Any] = {}

    def entries(self) -> Iterator[tuple[str, Entry]]:
        """Of all sections but macros and groups, with the key that each has in its section."""
        yield from self.nodes.items()
        yield from self.sources.items()
        yield from self.exposures.items()
        yield from self.metrics.items()
        yield from self.semantic_models.items()
        yield from self.saved_queries.items()
        yield from self.unit_tests.items()
        yield from self.functions.items()
