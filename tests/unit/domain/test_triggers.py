"""What a sync's own step builds is what its connector feeds: two readings of one mapping that must not part."""

import pytest

from headgate.domain.command import Command
from headgate.domain.connected_sources import ConnectedSources
from headgate.domain.index import Index, Node
from headgate.domain.job import Job
from headgate.domain.selection.resolve import Resolver
from headgate.domain.sync import Sync
from headgate.domain.triggers import steps_of_sync
from tests.builders import fivetran_gate


def source(name: str, schema: str, *connectors: str) -> Node:
    return Node(
        unique_id=f"source.shop.{name}",
        name=name.rpartition(".")[2],
        resource_type="source",
        package_name="shop",
        fqn=("shop", *name.split(".")),
        original_file_path="models/sources.yml",
        source_name=name.partition(".")[0],
        schema=schema,
        connectors=connectors,
    )


SOURCES = (
    source("stripe.charges", "stripe"),
    source("STRIPE.refunds", "STRIPE"),
    source("bank.rates", "bank", "Exchange_Rates"),
    source("bank.fees", "bank", "fivetran/conn_id", "other"),
    source("odd.names", "odd", "my shop, v2+*"),
    source("sheets.plan", "sheets"),
)
INDEX = Index(dbt_version="1.11.16", nodes={node.unique_id: node for node in SOURCES})


@pytest.mark.parametrize(
    ("connector_id", "connector_name", "fed"),
    [
        ("abc", "stripe", {"source.shop.stripe.charges", "source.shop.STRIPE.refunds"}),
        ("abc", "Stripe.charges", {"source.shop.stripe.charges", "source.shop.STRIPE.refunds"}),
        ("abc", "exchange_rates", {"source.shop.bank.rates"}),
        ("EXCHANGE_RATES", "bank_of_x", {"source.shop.bank.rates"}),
        ("conn_id", "whatever", {"source.shop.bank.fees"}),
        ("abc", "my shop, v2+*", {"source.shop.odd.names"}),
        ("abc", "sheets", {"source.shop.sheets.plan"}),
        ("abc", "bank", set()),
        ("abc", "", set()),
    ],
)
def test_a_step_selects_what_its_sync_feeds(connector_id: str, connector_name: str, fed: set[str]) -> None:
    sync = Sync("fivetran", connector_id, connector_name, "1", 0.0)
    assert set(ConnectedSources(INDEX.nodes.values()).of(sync)) == fed
    job = Job("fed", "production", (), gates=(fivetran_gate(connector_id),))
    [step] = steps_of_sync(job, connector_id, connector_name)
    found = Resolver(INDEX).resolve(Command.parse(step).select, ())
    assert set(found.nodes) == fed


def test_a_job_that_does_not_wait_for_a_connector_has_no_step() -> None:
    assert steps_of_sync(Job("a", "production", ("dbt build",)), "abc", "stripe") == ()
    waiting = Job("b", "production", (), gates=(fivetran_gate("github"),))
    assert steps_of_sync(waiting, "abc", "stripe") == ()
    assert steps_of_sync(waiting, "", "") == ()
