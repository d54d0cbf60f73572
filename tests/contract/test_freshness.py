"""Freshness: the last sync of each connector, every sync of ninety days, and what dbt saw of sources."""

from typing import Any

import boto3
import pytest

from headgate.adapters.aws.dynamodb_freshness import DynamoDBFreshness
from headgate.adapters.aws.table import from_item
from headgate.domain.sync import KEPT_SECONDS, Observation, Sync
from headgate.errors import UnavailableError
from headgate.ports import Freshness
from tests.contract.conftest import MotoStage
from tests.contract.test_dynamodb import TABLE, Failing
from tests.faults import Interrupted

DAY = 86_400.0
NOON = 1_767_268_800.0  # 2026-01-01T12:00:00Z


@pytest.fixture
def freshness(world: Any) -> Freshness:
    return world.freshness  # type: ignore[no-any-return]


def sync(sync_id: str, at: float = NOON, connector: str = "abc") -> Sync:
    return Sync("fivetran", connector, f"{connector}_schema", sync_id, at)


def recorded(freshness: Freshness, *syncs: Sync) -> None:
    for one in syncs:
        freshness.record_sync(one)


def test_nothing_is_known_of_a_connector_that_never_synced(freshness: Freshness) -> None:
    assert freshness.syncs() == {}
    assert freshness.syncs_since(0.0) == []


def test_the_last_sync_of_each_connector_is_known(freshness: Freshness) -> None:
    recorded(freshness, sync("1"), sync("2", NOON + 60.25), sync("1", NOON + 5, "xyz"))
    assert freshness.syncs() == {
        "fivetran/abc": sync("2", NOON + 60.25),
        "fivetran/xyz": sync("1", NOON + 5, "xyz"),
    }


def test_a_sync_that_arrives_late_is_logged_and_replaces_nothing(freshness: Freshness) -> None:
    recorded(freshness, sync("2", NOON + 60), sync("1"))
    assert freshness.syncs() == {"fivetran/abc": sync("2", NOON + 60)}
    assert freshness.syncs_since(NOON - 1) == [sync("1"), sync("2", NOON + 60)]


def test_the_same_sync_again_changes_nothing(freshness: Freshness) -> None:
    recorded(
        freshness, sync("1"), sync("2", NOON + 60), sync("2", NOON + 60), sync("1"), sync("2", NOON + 60)
    )
    assert freshness.syncs() == {"fivetran/abc": sync("2", NOON + 60)}
    assert freshness.syncs_since(0.0) == [sync("1"), sync("2", NOON + 60)]


def test_the_same_sync_with_another_time_is_the_same(freshness: Freshness) -> None:
    recorded(freshness, sync("1"), sync("1", NOON + 300))
    assert freshness.syncs() == {"fivetran/abc": sync("1")}
    assert freshness.syncs_since(0.0) == [sync("1")]


def test_of_two_syncs_at_one_time_the_later_to_arrive_counts(freshness: Freshness) -> None:
    recorded(freshness, sync("2"), sync("1"), sync("2"))
    assert freshness.syncs() == {"fivetran/abc": sync("1")}, "nobody may miss it, and a repeat is no news"
    assert {one.sync_id for one in freshness.syncs_since(0.0)} == {"1", "2"}


def test_syncs_since_a_moment_come_oldest_first_over_the_turn_of_months(freshness: Freshness) -> None:
    days = [sync(str(day), NOON - day * DAY) for day in range(80)]
    recorded(freshness, *reversed(days), sync("other", NOON - 1.5 * DAY, "xyz"))
    since = freshness.syncs_since(NOON - 40 * DAY)
    assert [one.sync_id for one in since if one.connector_id == "abc"] == [str(n) for n in range(39, -1, -1)]
    assert len(since) == 41
    assert freshness.syncs_since(NOON) == []
    assert freshness.syncs_since(NOON + 400 * DAY) == []
    assert freshness.syncs_since(NOON - 0.001) == [days[0]]


def test_what_is_older_than_ninety_days_is_gone(freshness: Freshness) -> None:
    recorded(freshness, sync("old", NOON - 91 * DAY), sync("new"))
    assert freshness.syncs_since(0.0) == [sync("new")]


def test_the_latest_observation_of_a_source_counts(freshness: Freshness) -> None:
    orders, items = "source.shop.raw.orders", "source.shop.raw.items"
    freshness.observe("production", [Observation(orders, NOON - 60, NOON), Observation(items, NOON, NOON)])
    freshness.observe("production", [Observation(orders, NOON - 90, NOON - 1)])
    freshness.observe("staging", [Observation(orders, 1.5, 2.5)])
    freshness.observe("production", [])
    assert freshness.observations("production") == {
        orders: Observation(orders, NOON - 60, NOON),
        items: Observation(items, NOON, NOON),
    }
    assert freshness.observations("staging") == {orders: Observation(orders, 1.5, 2.5)}
    twice = [Observation(orders, NOON + 9, NOON + 9), Observation(orders, NOON + 3, NOON + 3)]
    freshness.observe("production", twice)
    assert freshness.observations("production")[orders] == twice[0]


# What only DynamoDB can do to us


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("request_number", [1, 2, 3])
def test_a_recording_cut_off_anywhere_is_completed_by_the_next(
    moto: MotoStage, after: bool, request_number: int
) -> None:
    moto.world.freshness.record_sync(sync("0", NOON - 60))
    client = Interrupted(boto3.client("dynamodb"), after=after)
    freshness = DynamoDBFreshness(client, TABLE)  # type: ignore[arg-type]
    calls = {1: "get", 2: "put", 3: "put"}
    seen: list[str] = []
    client._first = False

    def counted(name: str) -> Any:
        call = getattr(freshness._table, name)

        def once(*arguments: Any, **named: Any) -> Any:
            seen.append(name)
            client._first = len(seen) == request_number
            return call(*arguments, **named)

        return once

    with pytest.MonkeyPatch.context() as patch:
        for name in ("get", "put"):
            patch.setattr(freshness._table, name, counted(name))
        with pytest.raises(UnavailableError):
            freshness.record_sync(sync("1"))
    assert seen[-1] == calls[request_number]
    freshness.record_sync(sync("1"))
    assert freshness.syncs() == {"fivetran/abc": sync("1")}
    assert freshness.syncs_since(0.0) == [sync("0", NOON - 60), sync("1")]


def test_the_log_leaves_the_table_after_ninety_days_and_the_last_sync_stays(moto: MotoStage) -> None:
    moto.world.freshness.record_sync(sync("1", NOON + 0.75))
    found = [from_item(item) for item in boto3.client("dynamodb").scan(TableName=TABLE)["Items"]]
    assert {item["pk"]: item.get("expires_at") for item in found} == {
        "syncs": None,
        "sync#2026-01": int(NOON) + KEPT_SECONDS,
    }


def test_thirty_days_are_few_requests(moto: MotoStage) -> None:
    recorded(moto.world.freshness, *(sync(str(day), NOON - day * DAY) for day in range(60)))
    client = Failing(boto3.client("dynamodb"))
    found = DynamoDBFreshness(client, TABLE).syncs_since(NOON - 30 * DAY)  # type: ignore[arg-type]
    assert len(found) == 30
    assert len(client.requests) <= 3


def test_a_sync_that_brought_nothing_is_heard_of_and_is_no_new_version(freshness: Freshness) -> None:
    recorded(freshness, sync("1"))
    for at in (NOON + 60, NOON + 30):
        freshness.record_sync(sync("2", at), new_data=False)
    last = freshness.syncs()["fivetran/abc"]
    assert (last.sync_id, last.at, last.heard_at) == ("1", NOON, NOON + 60)
    # One with data that arrives late must count, however often the connector was heard of since.
    recorded(freshness, sync("3", NOON + 10))
    assert (freshness.syncs()["fivetran/abc"].sync_id, len(freshness.syncs_since(0.0))) == ("3", 2)


def test_the_first_sync_of_a_connector_counts_even_if_it_brought_nothing(freshness: Freshness) -> None:
    freshness.record_sync(sync("1"), new_data=False)
    assert freshness.syncs() == {"fivetran/abc": sync("1")}
    freshness.record_sync(sync("1"), new_data=False)
    assert freshness.syncs()["fivetran/abc"].sync_id == "1"
