"""What is known of the data in sources."""

from __future__ import annotations

from typing import Any

from headgate.domain.code import Code
from headgate.domain.connected_sources import ConnectedSources
from headgate.domain.index import Index
from headgate.domain.source_versions import SourceVersion, source_versions
from headgate.domain.sync import Observation, Sync
from tests.builders import make_index, make_node

NOW = 1_764_000_000.0
HOUR = 3600.0
RAW, NAMED, LONELY = "source.shop.stripe.charges", "source.shop.fx.rates", "source.shop.hand.targets"


def sync(connector: str, name: str, number: int = 1, at: float = NOW - HOUR) -> Sync:
    return Sync("fivetran", connector, name, f"s{number}", at)


def project(**fields: Any) -> Index:
    return make_index(
        make_node(RAW, schema="Stripe", **fields),
        make_node(NAMED, schema="stripe", connectors=("rates", "rates_us")),
        make_node(LONELY, schema="hand"),
    )


def versions(index: Index, *syncs: Sync, seen: Observation | None = None) -> dict[str, SourceVersion]:
    return dict(
        source_versions(
            index,
            syncs={one.connector: one for one in syncs},
            observations={seen.unique_id: seen} if seen else {},
            now=NOW,
            since=NOW - 60,
            silent_after=24 * HOUR,
        )
    )


def test_a_connector_feeds_who_names_it_else_who_lies_in_its_schema() -> None:
    connected = ConnectedSources(project().nodes.values())
    assert connected.of(sync("c1", "stripe")) == [RAW]
    assert connected.of(sync("c1", "stripe.charges")) == [RAW]
    assert connected.of(sync("c2", "rates")) == connected.of(sync("rates_us", "other")) == [NAMED]
    assert connected.of(sync("c3", "elsewhere")) == []


def test_each_sync_is_a_version_and_the_same_one_again_is_not() -> None:
    first, again = (
        versions(project(), sync("c1", "stripe")),
        versions(project(), sync("c1", "stripe", at=NOW)),
    )
    second = versions(project(), sync("c1", "stripe", 2))
    assert first[RAW].version == again[RAW].version != second[RAW].version
    assert first[RAW].fact == "stripe synced at 15:00 UTC, sync s1"


def test_a_source_with_two_connectors_is_known_when_both_were_heard_of() -> None:
    one = sync("c2", "rates")
    both = versions(project(), one, sync("c3", "rates_us"))
    assert both[NAMED].version == "fivetran/c2@s1,fivetran/c3@s1"
    alone = versions(project(), one)[NAMED]
    assert (alone.version, alone.fact) == ("", "no sync of rates_us was ever heard of")


def test_a_silent_connector_is_no_information() -> None:
    old = sync("c1", "stripe", at=NOW - 25 * HOUR)
    assert versions(project(), old)[RAW].version == ""
    assert versions(project(), old)[RAW].fact == "stripe has not synced since 2025-11-23 15:00 UTC"
    assert versions(project(code=Code(silent_after=48 * HOUR)), old)[RAW].version


def test_an_observation_counts_and_says_how_old_it_is() -> None:
    now = versions(project(), seen=Observation(LONELY, NOW - 5 * HOUR, NOW - 10))[LONELY]
    assert (now.version, now.age) == ("loaded@2025-11-24T11:00:00.000+00:00", 0.0)
    before = versions(project(), seen=Observation(LONELY, NOW - 5 * HOUR, NOW - 2 * HOUR))[LONELY]
    assert (before.version, before.age) == (now.version, 2 * HOUR)
    assert versions(project(), seen=Observation(LONELY, NOW, NOW + HOUR))[LONELY].version == ""
    assert versions(project())[LONELY].version == ""
