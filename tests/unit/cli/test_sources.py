"""headgate sources: where data comes from, how sure that is, and what feeds nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.domain.index import Index, Node
from headgate.domain.job import ReusePolicy
from headgate.domain.sync import Observation, Sync
from tests.unit.cli.conftest import BUNDLE

NO_VARS = "44136fa355b3678a"
HOUR = 3600.0


def source(name: str, schema: str, *connectors: str) -> Node:
    return Node(
        unique_id=f"source.shop.{schema}.{name}",
        name=name,
        resource_type="source",
        package_name="shop",
        fqn=("shop", schema, name),
        original_file_path="models/sources.yml",
        source_name=schema,
        schema=schema,
        connectors=connectors,
    )


def model(name: str, *parents: str, kind: str = "model") -> Node:
    return Node(
        unique_id=f"{kind}.shop.{name}",
        name=name,
        resource_type=kind,
        package_name="shop",
        fqn=("shop", name),
        original_file_path=f"models/{name}.sql",
        materialized="table",
        depends_on=parents,
    )


CHARGES, RATES, CLICKS, STOCK = (
    "source.shop.stripe.charges",
    "source.shop.treasury.rates",
    "source.shop.ads.clicks",
    "source.shop.warehouse.stock",
)
NODES = (
    source("charges", "stripe"),
    source("rates", "treasury", "exchange_rates"),
    source("clicks", "ads"),
    source("stock", "warehouse"),
    model("orders", CHARGES, RATES),
    model("payments", CHARGES),
    model("unique_charges", CHARGES, kind="test"),
)


def synced(connector: str, name: str, at: float, sync_id: str = "b470") -> Sync:
    return Sync("fivetran", connector, name, sync_id, at)


@pytest.fixture
def published(world: Any) -> Any:
    """The project is published, and its connectors were heard of."""
    index = Index(dbt_version="1.11.16", nodes={node.unique_id: node for node in NODES})
    world.bundles._files[BUNDLE, f"{NO_VARS}/index.msgpack"] = index.encode()
    now = world.clock.now()
    world.freshness.record_sync(synced("abc", "stripe", now - 2 * HOUR))
    world.freshness.record_sync(synced("def", "exchange_rates", now - 30 * HOUR))
    world.freshness.record_sync(synced("xyz", "wharehouse", now - HOUR))
    world.freshness.observe("production", [Observation(CLICKS, now - 60, now - 30)])
    return world


@pytest.mark.usefixtures("published")
def test_every_source_with_what_is_known_of_it(asked: Any) -> None:
    found = asked("sources")
    assert (found["environment"], found["bundle"]) == ("production", BUNDLE)
    told = {
        line["unique_id"]: (
            line["connectors"],
            line["mapped_by"],
            line["state"],
            line["age_seconds"],
            line["readers"],
        )
        for line in found["sources"]
    }
    assert told == {
        CHARGES: (["stripe"], "schema", "fresh", 2 * HOUR, 2),
        RATES: (["exchange_rates"], "meta", "silent", 30 * HOUR, 1),
        CLICKS: ([], None, "observed", 30.0, 0),
        STOCK: ([], None, "unknown", None, 0),
    }
    assert found["sources"][1]["last_sync"]["id"] == "b470"


@pytest.mark.usefixtures("published")
def test_the_table_says_it_in_a_line_each(headgate: Any) -> None:
    result = headgate("sources", "--environment", "production")
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.stdout.splitlines()}
    assert "stripe (by schema)" in lines["stripe.charges"]
    assert lines["stripe.charges"].split()[-5:] == ["2h", "00m", "fresh", "2", "nodes"]
    assert "silent" in lines["treasury.rates"]
    assert "(none)" in lines["warehouse.stock"]
    assert "built in every run" in result.stderr


@pytest.mark.usefixtures("published")
def test_a_connector_that_feeds_nothing_is_named_with_how_to_map_it(headgate: Any, asked: Any) -> None:
    [one] = asked("sources")["unmapped"]
    assert (one["connector"], one["nearest_schema"]) == ("fivetran/xyz", "warehouse")
    assert one["meta"] == {"headgate": {"connector": "wharehouse"}}
    shown = headgate("sources").stdout
    assert "unmapped: fivetran/xyz wharehouse" in shown
    assert "(the schema warehouse?) meta: {headgate: {connector: wharehouse}}" in shown


def test_a_connector_that_only_an_event_tells_of_is_unmapped_too(published: Any, asked: Any) -> None:
    for event_id, outcome in (
        ("fivetran/default/lonely/1/sync_end", "unmapped"),
        ("fivetran/default/lonely/2/sync_end", "unmapped"),
        ("fivetran/default/abc/3/sync_end", "unmapped"),
        ("fivetran/default/started/4/sync_end", "published"),
        ("odd", "unmapped"),
    ):
        published.events.record(event_id, {})
        published.events.mark(event_id, outcome)
    found = {one["connector"]: one for one in asked("sources")["unmapped"]}
    assert list(found) == ["fivetran/lonely", "fivetran/xyz"]
    assert (found["fivetran/lonely"]["last_sync"], found["fivetran/lonely"]["nearest_schema"]) == (None, None)


def test_of_several_connectors_one_that_was_never_heard_of_leaves_it_unknown(
    published: Any, asked: Any
) -> None:
    node = source("mixed", "shops", "stripe", "never")
    index = Index(nodes={node.unique_id: node})
    published.bundles._files[BUNDLE, f"{NO_VARS}/index.msgpack"] = index.encode()
    [line] = asked("sources")["sources"]
    assert (line["state"], line["connectors"]) == ("unknown", ["stripe", "never"])
    assert "never" in line["fact"]


def test_a_job_that_reuses_says_how_long_silence_may_last(published: Any, asked: Any) -> None:
    file = read_jobs_file(Path("headgate.yml"))
    patient = replace(file.jobs[0], reuse=ReusePolicy(unchanged=True, silent_after=36 * HOUR))
    published.jobs.apply(replace(file, jobs=(patient, *file.jobs[1:])))
    found = {line["unique_id"]: line["state"] for line in asked("sources")["sources"]}
    assert found[RATES] == "fresh"


def test_nothing_published_or_applied(headgate: Any, world: Any) -> None:
    assert headgate("sources", "--environment", "nowhere").exit_code == 5
    assert headgate("sources").exit_code == 5, "its bundle has no index here"


def test_a_project_without_sources(headgate: Any, world: Any) -> None:
    world.bundles._files[BUNDLE, f"{NO_VARS}/index.msgpack"] = Index().encode()
    result = headgate("sources")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "has no sources" in result.stderr
