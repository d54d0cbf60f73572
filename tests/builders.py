"""Nodes, indexes and manifests for tests, with a default for everything that a test does not care about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.domain.gate import Awaited, Gate
from headgate.domain.index import Index, Node
from headgate.domain.job import Environment, RunnerSize

PROJECT = "shop"


def make_node(unique_id: str, *depends_on: str, **fields: Any) -> Node:
    """A node of an index; type, package and name come from its id, `model.shop.orders`."""
    resource_type, package, name = unique_id.split(".", 2)
    defaults: dict[str, Any] = {
        "name": name,
        "resource_type": resource_type,
        "package_name": package,
        "fqn": (package, *name.split(".")),
        "original_file_path": f"{resource_type}s/{name}.sql",
        "depends_on": depends_on,
        "materialized": "table" if resource_type == "model" else resource_type,
        "enabled": True,
    }
    if resource_type == "unit_test":  # unit_test.shop.orders.adds_up
        defaults |= {"name": name.rpartition(".")[2], "tested": next(iter(depends_on), None)}
    if resource_type == "source":  # source.shop.raw.orders
        defaults |= {"source_name": name.partition(".")[0], "name": name.rpartition(".")[2]}
    return Node(unique_id=unique_id, **(defaults | fields))


def make_index(*nodes: Node, **fields: Any) -> Index:
    """An index of these nodes."""
    defaults: dict[str, Any] = {
        "dbt_version": "1.11.16",
        "schema_version": "https://schemas.getdbt.com/dbt/manifest/v12.json",
        "project_name": PROJECT,
        "adapter_type": "postgres",
    }
    return Index(nodes={node.unique_id: node for node in nodes}, **(defaults | fields))


def make_entry(unique_id: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    """A node as manifest.json has it."""
    resource_type, package, name = unique_id.split(".", 2)
    defaults: dict[str, Any] = {
        "unique_id": unique_id,
        "name": name,
        "resource_type": resource_type,
        "package_name": package,
        "fqn": [package, name],
        "original_file_path": f"{resource_type}s/{name}.sql",
        "raw_code": "select 1",
        "checksum": {"name": "sha256", "checksum": "0" * 64},
        "depends_on": {"macros": [], "nodes": list(depends_on)},
        "config": {"enabled": True, "materialized": "table"},
        "tags": [],
    }
    return defaults | fields


def make_manifest(*entries: Mapping[str, Any], schema: str = "v12", **sections: Any) -> dict[str, Any]:
    """A manifest.json of these nodes; other sections by keyword, as `sources=[entry, …]`."""
    return {
        "metadata": {
            "dbt_schema_version": f"https://schemas.getdbt.com/dbt/manifest/{schema}.json",
            "dbt_version": "1.11.16",
            "project_name": PROJECT,
            "adapter_type": "postgres",
        },
        "nodes": {entry["unique_id"]: entry for entry in entries},
        **{
            name: {entry["unique_id"]: entry for entry in found} if isinstance(found, list) else found
            for name, found in sections.items()
        },
    }


def fivetran_gate(*connectors: str) -> Gate:
    """Every sync of one of these connectors starts the job."""
    return Gate("fivetran", tuple(Awaited("fivetran", name) for name in connectors))


def make_environment(**fields: Any) -> Environment:
    """An environment with four threads and at most four runners."""
    defaults: dict[str, Any] = {
        "name": "production",
        "target": "prod",
        "schema": "analytics",
        "threads": 4,
        "runners": RunnerSize(max=4),
    }
    return Environment(**(defaults | fields))
