"""Which nodes can be built again when nobody knows whether the attempt before has written."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.domain.command import Command
from headgate.domain.repeatable import is_repeatable
from tests.builders import make_node

BUILD = Command("build")


@pytest.mark.parametrize(
    ("materialized", "repeatable"),
    [
        ("table", True),
        ("view", True),
        ("materialized_view", True),
        ("seed", True),
        ("test", True),
        ("ephemeral", True),
        ("snapshot", False),
        ("own_materialisation", False),
    ],
)
def test_materialisations(materialized: str, repeatable: bool) -> None:
    assert (
        is_repeatable(make_node("model.shop.a", materialized=materialized), BUILD, "postgres") is repeatable
    )


@pytest.mark.parametrize(
    ("config", "adapter", "repeatable"),
    [
        ({}, "postgres", False),
        ({"unique_key": "id"}, "postgres", True),
        ({"unique_key": ["a", "b"]}, "snowflake", True),
        ({"unique_key": "id"}, "spark", False),
        ({"incremental_strategy": "append"}, "postgres", False),
        ({"incremental_strategy": "append", "unique_key": "id"}, "databricks", False),
        ({"incremental_strategy": "merge"}, "bigquery", False),
        ({"incremental_strategy": "merge", "unique_key": "id"}, "bigquery", True),
        ({"incremental_strategy": "delete+insert"}, "redshift", False),
        ({"incremental_strategy": "delete+insert", "unique_key": "id"}, "redshift", True),
        ({"incremental_strategy": "insert_overwrite"}, "bigquery", True),
        ({"incremental_strategy": "microbatch"}, "snowflake", True),
        ({"incremental_strategy": "own", "unique_key": "id"}, "postgres", False),
    ],
)
def test_incremental_models(config: dict[str, Any], adapter: str, repeatable: bool) -> None:
    node = make_node("model.shop.a", materialized="incremental", config=config)
    assert is_repeatable(node, BUILD, adapter) is repeatable


@pytest.mark.parametrize(
    ("own", "asked", "repeatable"),
    [(None, True, True), (None, False, False), (False, True, False), (True, False, True)],
)
def test_a_full_refresh_makes_the_table_anew(own: bool | None, asked: bool, repeatable: bool) -> None:
    node = make_node("model.shop.a", materialized="incremental", config={"full_refresh": own})
    assert is_repeatable(node, Command("build", full_refresh=asked), "postgres") is repeatable
