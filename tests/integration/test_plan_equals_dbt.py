"""Our selection and build order are those of the installed dbt, on the shop and on one of every resource kind.

dbt answers from a process of its own (dbt_oracle.py), which parses each project once and writes the manifest
that our index is read from.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.domain.command import Command
from headgate.domain.command_options import GRAPH_VERBS, RESOURCE_TYPES
from headgate.domain.selection.resolve import Resolver
from tests.integration.oracle import PROJECTS, Project, assert_same_order, parsed
from tests.selection_cases.expressions import MODES, selection, vocabulary


@pytest.fixture(scope="module", params=PROJECTS)
def project(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with parsed(request.param, tmp_path_factory.mktemp(request.param)) as found:
        yield found


# (select, exclude): what people write, and what the two projects make hard.
EXPRESSIONS: list[tuple[str, str]] = [
    ("", ""),
    ("tag:finance+", ""),
    ("tag:marketing", ""),
    ("+tag:marketing", "tag:finance"),
    ("tag:finance tag:marketing", ""),
    ("tag:finance,tag:marketing", ""),
    ("tag:f*", "resource_type:seed"),
    ("@tag:wide", ""),
    ("", "tag:finance"),
    ("", "tag:marketing+"),
    ("", "resource_type:test"),
    ("", "test_type:unit"),
    ("", "test_type:data"),
    ("", "config.materialized:view"),
    ("", "path:models/staging"),
    ("", "resource_type:seed resource_type:snapshot"),
    ("fct_orders", ""),
    ("+fct_orders", ""),
    ("2+fct_orders", ""),
    ("fct_orders+1", ""),
    ("0+fct_orders", ""),
    ("1+fct_orders+2", "test_type:generic"),
    ("@fct_orders", ""),
    ("@stg_stripe__payments,tag:finance", ""),
    ("stg_*", ""),
    ("int_?rder*", ""),
    ("shop", ""),
    ("shop.marts.*", ""),
    ("shop.marts.finance", ""),
    ("marts.finance.fct_*+", ""),
    ("models/marts", ""),
    ("models/marts/finance/fct_orders.sql", ""),
    ("models/**/fct_*.sql", ""),
    ("path:models/*/finance", ""),
    ("path:models/sources.yml", ""),
    ("fct_orders.sql", ""),
    ("file:stg_*+1", ""),
    ("package:this", "+exposure:*"),
    ("package:dbt", ""),
    ("source:*", ""),
    ("source:stripe+", ""),
    ("source:stripe.payments+ source:*.*orders", ""),
    ("source:shop.*.orders+", ""),
    ("+exposure:*", ""),
    ("group:finance", ""),
    ("group:m*", "test_name:unique"),
    ("access:public", ""),
    ("access:protected,tag:finance", ""),
    ("resource_type:model", "tag:finance"),
    ("resource_type:snapshot+", ""),
    ("resource_type:unit_test", ""),
    ("resource_type:exposure resource_type:saved_query", ""),
    ("config.materialized:incremental+", ""),
    ("config.severity:WARN", ""),
    ("config.tags:finance", ""),
    ("config.enabled:true", "config.contract.enforced:true"),
    ("test_name:not_null test_name:relationships", ""),
    ("test_type:singular", ""),
    ("test_type:unit", ""),
    ("+test_type:unit", ""),
    ("version:none", ""),
    ("nothing_is_called_so", ""),
    # one of every kind
    ("orders.latest+", ""),
    ("base.orders.*", ""),
    ("customers", ""),
    ("customers.v2+", ""),
    ("customers_v1", ""),
    ("version:latest version:old", ""),
    ("version:prerelease", ""),
    ("toolbox", ""),
    ("package:toolbox+", ""),
    ("path:models/base", ""),
    ("models/wide/deep/*", ""),
    ("models/schema.yml", ""),
    ("tests", ""),
    ("group:growth+", "version:old"),
    ("source:raw.orders+", "paid_orders"),
    ("+metric:order_count+", ""),
    ("semantic_model:facts+", ""),
    ("saved_query:kinds.orders_by_day", ""),
    ("unit_test:pays_*", ""),
    ("+unit_test:kinds.pays_once", ""),
    ("exposure:kinds.ledger+ +exposure:board_report", "metric:*"),
    ("config.meta.owner:ada@example.com config.meta.sla.hours:4", ""),
    ("config.grants.select:auditor", ""),
    ("config.freshness.warn_after.period:day+", ""),
    ("tag:tools+", ""),
    ("tag:saved tag:counted tag:board tag:fast tag:noisy", ""),
    ("base_orders+ countries", "all_orders"),
    ("base_payments report order_facts", ""),
    ("blank", ""),
    ("switched_off", ""),
    ("double_it+", ""),
    ("resource_type:analysis resource_type:operation", ""),
]


def texts(text: str) -> tuple[str, ...]:
    return (text,) if text else ()


@pytest.mark.parametrize("verb", GRAPH_VERBS)
@pytest.mark.parametrize(("select", "exclude"), EXPRESSIONS)
def test_the_plan_is_the_queue(project: Project, verb: str, select: str, exclude: str) -> None:
    assert_planned_like_dbt(project, Command(verb, select=texts(select), exclude=texts(exclude)))


@pytest.mark.parametrize("verb", ["build", "test"])
@pytest.mark.parametrize("kind", RESOURCE_TYPES)
def test_resource_types_are_dbts(project: Project, verb: str, kind: str) -> None:
    assert_planned_like_dbt(project, Command(verb, resource_types=(kind,)))
    assert_planned_like_dbt(project, Command(verb, resource_types=(kind, "model")))
    if kind not in ("all", "default"):
        assert_planned_like_dbt(project, Command(verb, exclude_resource_types=(kind,)))
        assert_planned_like_dbt(
            project, Command(verb, ("+test_type:unit",), exclude_resource_types=(kind, "seed"))
        )
        assert_planned_like_dbt(
            project, Command(verb, resource_types=("all",), exclude_resource_types=(kind,))
        )


@pytest.mark.parametrize(("select", "exclude"), EXPRESSIONS)
def test_the_selection_is_what_ls_lists(project: Project, select: str, exclude: str) -> None:
    listed = project.ls.queue(Command("build", texts(select), texts(exclude)))["nodes"]
    resolved = Resolver(project.index).resolve(texts(select), texts(exclude)).nodes
    # dbt never lists these two kinds, whatever is selected
    hidden = {"operation", "analysis"}
    assert listed == sorted(
        node for node in resolved if project.index.nodes[node].resource_type not in hidden
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), verb=st.sampled_from(GRAPH_VERBS), indirect=st.sampled_from(MODES))
def test_any_expression_is_planned_as_dbt_queues_it(
    project: Project, seed: int, verb: str, indirect: str
) -> None:
    chance, words = Random(seed), vocabulary(project.index)
    select = tuple(selection(chance, words)) if chance.random() < 0.9 else ()
    exclude = tuple(selection(chance, words)) if chance.random() < 0.4 else ()
    assert_planned_like_dbt(project, Command(verb, select, exclude, indirect=indirect))


def assert_planned_like_dbt(project: Project, command: Command) -> None:
    dbt = project.build.queue(command)
    selected = (
        Resolver(project.index).resolve(command.select, command.exclude, indirect=command.indirect).nodes
    )
    assert sorted(selected) == dbt["selected"]
    plan = project.plan(command)
    assert {node.unique_id: list(node.unit_tests) for node in plan.nodes if node.unit_tests} == dbt[
        "unit_tests"
    ]
    assert_same_order(plan, dbt["nodes"], dbt["edges"])
