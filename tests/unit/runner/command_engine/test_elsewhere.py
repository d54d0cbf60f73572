"""What a run in another schema builds in the environment's own place all the same."""

from __future__ import annotations

from headgate.domain.results import NodeResult
from headgate_runner.command_engine.elsewhere import may_stay, stayed
from tests.builders import make_environment, make_index, make_node

ENVIRONMENT = make_environment(schema="analytics")
INDEX = make_index(
    make_node("model.shop.own", schema="analytics", relation_name='"db"."analytics"."own"'),
    make_node("model.shop.custom", schema="analytics_finance", relation_name='"db"."analytics_finance"."custom"'),
    make_node("model.shop.fixed", schema="finance", relation_name='"db"."finance"."fixed"'),
    make_node("model.shop.alike", schema="analyticsx", relation_name='"db"."analyticsx"."alike"'),
    make_node("model.shop.inlined", schema="analytics"),
)  # fmt: skip
EVERY = [*INDEX.nodes, "model.shop.gone"]


def result(unique_id: str, relation: str | None) -> NodeResult:
    entry = {"unique_id": unique_id, "status": "success", "execution_time": 1.0, "relation_name": relation}
    return NodeResult.from_entry(entry, 1)


def test_what_does_not_follow_the_schema_may_stay_where_it_is() -> None:
    assert may_stay(EVERY, INDEX, ENVIRONMENT) == {"model.shop.fixed", "model.shop.alike"}


def test_what_was_built_in_place_is_found_by_its_name() -> None:
    results = [
        result("model.shop.own", '"db"."pr_7"."own"'),
        result("model.shop.custom", '"db"."analytics_finance"."custom"'),
        result("model.shop.inlined", None),
        result("model.shop.new", '"db"."pr_7"."new"'),
    ]
    assert stayed(results, INDEX) == {"model.shop.custom"}
