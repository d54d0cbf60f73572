"""`state:`, `result:`, `source_status:` and `connector:`; the first three are also among the cases of real dbt."""

from __future__ import annotations

import msgspec
import pytest

from headgate.domain.selection import Earlier, check, compares
from headgate.domain.selection.resolve import Resolver
from headgate.domain.signature import Signature
from headgate.errors import InputError, SelectionError
from tests.builders import make_index, make_node

SAME, OTHER = Signature(rest=b"1"), Signature(rest=b"2")
NOW = make_index(
    make_node("source.shop.stripe.payments", schema="Stripe", signature=SAME),
    make_node("source.shop.ads.spend", schema="raw", connectors=("google_ads", "bing_ads"), signature=SAME),
    make_node("source.shop.sheets.plan", schema="google_sheets", signature=SAME),
    make_node("model.shop.a", "source.shop.stripe.payments", signature=SAME),
    make_node("model.shop.b", signature=SAME),
)
BEFORE = make_index(
    make_node("model.shop.a", signature=OTHER),
    make_node("model.shop.b", signature=SAME),
)


def resolve(text: str, earlier: Earlier | None = None) -> set[str]:
    return {node.partition(".shop.")[2] for node in Resolver(NOW, earlier).resolve([text]).nodes}


def test_state_compares_the_two_manifests() -> None:
    earlier = Earlier(BEFORE)
    assert resolve("state:modified", earlier) == {"a"}
    assert resolve("state:old", earlier) == {"a", "b"}
    assert resolve("state:new", earlier) == {"stripe.payments", "ads.spend", "sheets.plan"}


def test_manifests_of_two_projects_are_not_compared() -> None:
    other = msgspec.structs.replace(BEFORE, project_name="elsewhere")
    with pytest.raises(InputError, match="cannot compare project 'shop' with a manifest of 'elsewhere'"):
        resolve("state:modified", Earlier(other))


def test_results_of_the_earlier_run() -> None:
    earlier = Earlier(
        statuses={"model.shop.a": "error", "model.shop.b": "success", "model.shop.gone": "error"}
    )
    assert resolve("result:error", earlier) == {"a"}
    assert resolve("result:fail", earlier) == set()


def test_fresher_sources() -> None:
    before = {
        "source.shop.stripe.payments": "2026-01-01T05:00:00Z",
        "source.shop.ads.spend": "2026-01-01T05:00:00Z",
    }
    # The second is the same instant, written in another zone; the third could not be asked before.
    now = {
        "source.shop.stripe.payments": "2026-01-01T05:00:00.5Z",
        "source.shop.ads.spend": "2026-01-01T06:00:00+01:00",
        "source.shop.sheets.plan": "2025-12-31T00:00:00Z",
    }
    assert resolve("source_status:fresher", Earlier(sources=before, sources_now=now)) == {
        "stripe.payments", "sheets.plan",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "earlier", "message"),
    [
        (
            "state:modified",
            None,
            "'state:modified': state: compares with an earlier run: say with which, by --state",
        ),
        ("result:error", None, "compares with an earlier run"),
        ("state:modified", Earlier(), "the state has no manifest.json"),
        ("result:error", Earlier(), "the state has no run_results.json"),
        ("source_status:fresher", Earlier(), "the state has no sources.json"),
        ("source_status:fresher", Earlier(sources={}), "this project has no sources.json"),
        ("state:modifed", Earlier(), "'modifed' is not one of new, old"),
        ("state:modified.bdy", Earlier(), "did you mean modified.body"),
        ("result:eror", Earlier(), "did you mean error"),
        ("source_status:stale", Earlier(), "is not one of fresher"),
    ],
)
def test_refuses(text: str, earlier: Earlier | None, message: str) -> None:
    with pytest.raises(SelectionError) as refused:
        resolve(text, earlier)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("connector:stripe", {"stripe.payments"}),  # whatever the warehouse makes of the schema's case
        ("connector:stripe+", {"stripe.payments", "a"}),
        ("connector:google_ads", {"ads.spend"}),
        ("connector:b*", {"ads.spend"}),
        ("connector:raw", set()),  # meta says who loads it
        ("connector:google_sheets.plan", {"sheets.plan"}),
        ("connector:hubspot", set()),
    ],
)
def test_the_sources_of_a_connector(text: str, expected: set[str]) -> None:
    assert resolve(text) == expected


def test_a_text_is_checked_before_there_is_anything_to_compare() -> None:
    check("state:modified+ result:error,source_status:fresher+", state=True)
    check("selector:nightly,tag:x")
    with pytest.raises(SelectionError, match="did you mean modified"):
        check("state:modifed", state=True)
    assert compares("tag:x result:error+")
    assert not compares("tag:x selector:y")
