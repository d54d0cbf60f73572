"""Nothing that had to be built is reused, whatever changes: real dbt, a real Postgres, real runners.

What had to be built is measured: plain dbt builds everything, and what then differs had to be built. `pytest -s` on
this file prints the table in docs/reuse.md: for each change, what had to be built, what was, and what in vain.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from headgate.adapters.memory.build_states import MemoryBuildStates
from headgate.adapters.system_clock import SystemClock
from headgate.domain.decision import Decision
from tests.conftest import REPOSITORY
from tests.integration.reuse_ground import POLICY, Ground, Outcome, ground, short

ALWAYS = {"customers_history", "from_env", "hidden", "stamped", "targets"}
ROWS: list[str] = []


@pytest.fixture(scope="module")
def standing(postgres: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    with ground(postgres, tmp_path_factory.mktemp("reuse")) as made:
        yield made
    print("\n\n| change | had to be built | built | false reuses | false builds |\n|---|---|---|---|---|")
    print("\n".join(ROWS))


@pytest.fixture
def on(standing: Ground) -> Ground:
    """As one real run left it."""
    standing.return_()
    return standing


@dataclass(frozen=True)
class Clock(SystemClock):
    """One that is wrong by so many seconds."""

    ahead: float

    def now(self) -> float:
        return time.time() + self.ahead


def tell(change: str, outcome: Outcome) -> None:
    """A line of the table."""
    wrong, vain = outcome.false_reuses, outcome.false_builds
    asked = len(outcome.built.keys() - outcome.by_rule)
    ROWS.append(
        f"| {change} | {len(outcome.needed - outcome.by_rule)} | {asked} | {len(wrong)} | {len(vain)} |"
    )


@dataclass(frozen=True)
class Change:
    """files: path -> what it says now, what it says then. because: name -> reason code of what the change reaches.

    vain: what is built although it comes out the same: what it reads was built, or its connector feeds another table
    as well. More than that is a rule that has become coarser.
    """

    name: str
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    sql: str = ""
    synced: str = ""
    because: Mapping[str, str] = field(default_factory=dict)
    vain: Set[str] = frozenset()


NEW = "new_data"
BELOW_ORDERS = {"open_orders": NEW, "all_orders": NEW, "by_region": NEW, "weekly": "inside_window"}
MONEY = {"macros/rounded.sql": ("::numeric, 2)", "::numeric, 1)")}
SWAPPED = ("customer_id, region from", "region, customer_id from")
PAYMENTS_HAVE_ORDERS = "relationships_payments_order_id__order_id__ref_orders_"
REGIONS_ARE_KNOWN = "accepted_values_customers_region__north__south"
CHANGES = [
    Change("nothing", because=dict.fromkeys(("orders", "weekly", "regions"), "no_new_data")),
    Change(
        "a model's code",
        {"models/orders.sql": ("id, amount\n", "id, amount + order_id - 2 as amount\n")},
        because={"stg_orders": "no_new_data", "orders": "code", **BELOW_ORDERS},
    ),
    Change(
        "a macro two levels deep",
        MONEY,
        because={
            "stg_orders": "code",
            "stg_payments": "code",
            "orders": NEW,
            "payments": NEW,
            **BELOW_ORDERS,
        },
    ),
    Change(
        "a project variable",
        {"dbt_project.yml": ("smallest: 1", "smallest: 0.2")},
        because={"stg_orders": "no_new_data", "orders": "code", **BELOW_ORDERS},
    ),
    Change("a macro in a hook", {"macros/stamp.sql": ("first", "second")}, because={"by_region": "code"}),
    Change(
        "a hook",
        {"models/by_region.sql": ('"{{ remember_build() }}"', "\"comment on table {{ this }} is 'third'\"")},
        because={"by_region": "code"},
    ),
    Change(
        "the order of columns",
        {"models/customers.sql": SWAPPED},
        because={"customers": "code", "by_region": NEW},
        vain={"by_region"},
    ),
    Change("a comment", {"models/orders.sql": ("Orders that count.", "Orders which count.")}),
    Change("white space", {"models/orders.sql": ("\nwhere", "\n\n   where")}),
    Change("a comment in a macro", {"macros/rounded.sql": ("To whole cents.", "To the cent.")}),
    Change(
        "a description",
        {"models/models.yml": ("- name: payments", "- name: payments\n    description: Paid.")},
    ),
    Change(
        "a seed's row", {"seeds/regions.csv": ("Ben", "Eve")}, because={"regions": "code", "by_region": NEW}
    ),
    Change(
        "a view becomes a table",
        {"models/stg_payments.sql": ("='view'", "='table'")},
        because={"stg_payments": "code", "payments": NEW},
        vain={"payments", "open_orders", "open_is_not_negative", PAYMENTS_HAVE_ORDERS},
    ),
    Change(
        "a test's definition",
        {"models/models.yml": ("values: [north, south]", "values: [north]")},
        because={"customers": "no_new_data"},
    ),
    Change(
        "new rows, synced",
        sql="insert into raw.orders values (4, 2, 20.00)",
        synced="storefront",
        because={"stg_orders": "no_new_data", "orders": NEW, "payments": "no_new_data", **BELOW_ORDERS},
        vain={"customers", REGIONS_ARE_KNOWN},
    ),
    Change(
        "new rows, synced by the connector of the schema",
        sql="insert into billing.payments values (3, 3, 1.00)",
        synced="billing.payments",
        because={"payments": NEW, "open_orders": NEW, "orders": "no_new_data", "by_region": "no_new_data"},
    ),
    Change(
        "a column more below `select *`",
        {"models/orders.sql": ("amount\nfrom", "amount, 1 as parts\nfrom")},
        because={"all_orders": NEW},
        vain={"open_orders", "by_region", "open_is_not_negative"},
    ),
    Change(
        "rows behind the back of ref and source",
        sql="insert into raw.orders values (5, 2, 0.10)",
        because={"hidden": "unknown_source", "orders": "no_new_data"},
    ),
    Change(
        "rows of a source that nobody reports",
        sql="insert into raw.targets values ('south', 7)",
        because={"targets": "unknown_source"},
    ),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.name)
def test_what_a_change_reaches_is_built_and_says_why(on: Ground, change: Change) -> None:
    for path, (old, new) in change.files.items():
        on.edit(path, old, new)
    if change.sql:
        on.sql(change.sql)
    if change.synced:
        on.sync(change.synced, 2)

    outcome = on.measure()
    tell(change.name, outcome)

    assert outcome.false_reuses == set()
    assert {name: outcome.reasons.get(name) for name in change.because} == change.because
    assert {short(node) for node in outcome.false_builds} <= change.vain


def test_the_same_event_again_and_a_late_one_build_nothing(on: Ground) -> None:
    on.sync("storefront", 1)
    on.sync("storefront", 0, at=time.time() - 7200)

    outcome = on.measure()
    tell("a duplicate event, and one that comes late", outcome)

    assert outcome.false_reuses == set()
    assert outcome.built.keys() == outcome.by_rule


def test_a_sync_that_ended_while_a_model_was_built_is_new_for_the_next_run(on: Ground) -> None:
    built_at = on.states["model.reuse.orders"].built_at
    on.sql("insert into raw.orders values (4, 2, 20.00)")
    on.sync("storefront", 2, at=built_at - 0.001)

    outcome = on.measure()
    tell("rows that landed during the last build", outcome)

    assert outcome.false_reuses == set()
    assert outcome.reasons["orders"] == NEW


@pytest.mark.parametrize(
    ("days", "reason"),
    [(-30, NEW), (1, "inside_window"), (8, NEW)],
    ids=["set back", "a day on", "a week on"],
)
def test_a_window_is_only_kept_by_a_clock_that_went_on(on: Ground, days: int, reason: str) -> None:
    on.sql("insert into raw.orders values (4, 2, 20.00)")
    on.sync("storefront", 2)
    on.on.world.clock = Clock(days * 86_400.0)  # type: ignore[assignment]

    outcome = on.measure()
    tell(f"new rows, the clock {days:+} days", outcome)

    assert outcome.false_reuses == set()
    assert outcome.reasons["orders"] == NEW
    assert outcome.reasons["weekly"] == reason


def test_another_schema_has_nothing_to_reuse(on: Ground) -> None:
    on.edit("profiles.yml", "schema: analytics", "schema: elsewhere")

    outcome = on.measure()
    tell("another schema", outcome)

    assert outcome.reused == {}
    assert {reason for node, reason in outcome.reasons.items() if node == "orders"} == {"no_state"}


def test_lost_states_and_states_of_another_version_are_no_states(on: Ground) -> None:
    customers = "model.reuse.customers"
    on.on.world.states.record("production", replace(on.states[customers], format=0))
    outcome = on.measure()
    tell("a record of another version", outcome)
    assert outcome.reasons["customers"] == "no_state"
    assert (outcome.reasons["by_region"], outcome.reasons["orders"]) == (NEW, "no_new_data")

    on.on.world.states = MemoryBuildStates()
    lost = on.measure()
    tell("all records lost", lost)
    assert lost.reused == {}


def test_a_python_model_is_always_built(on: Ground) -> None:
    scored = "model.reuse.scored"
    on.edit("models/scored.py", "", "def model(dbt, session):\n    return dbt.ref('orders')\n")
    on.parse()
    on.publish()
    planned = {node.unique_id: node for node in on.plan().nodes}
    assert planned[scored].decision.reason == "missing"

    orders = on.states["model.reuse.orders"]
    seen = {
        upstream: on.states[upstream].version for upstream in planned[scored].sees if upstream in on.states
    }
    on.on.world.states.record(
        "production",
        replace(orders, unique_id=scored, relation=planned[scored].relation, seen=seen,
                fingerprint=planned[scored].fingerprint),
    )  # fmt: skip

    assert {n.unique_id: n.decision.reason for n in on.plan().nodes}[scored] == "volatile"


def test_after_a_run_that_reuses_a_whole_build_would_change_nothing(on: Ground) -> None:
    on.sql("insert into raw.orders values (4, 2, 20.00)")
    on.sql("update raw.customers set region = 'north'")
    on.sync("storefront", 2)
    planned = {short(node.unique_id): node.decision for node in on.plan().nodes}

    statuses = on.build()

    assert {n for n, decision in planned.items() if decision.reuses} == {
        n for n, s in statuses.items() if s == "reused"
    }
    assert {n for n, s in statuses.items() if s not in {"success", "pass", "reused"}} == set()
    assert statuses["payments"] == statuses["regions"] == statuses["stg_orders"] == "reused"
    assert on.stale() == {"weekly"}


def test_dropped_relations_come_back_when_a_runner_starts(on: Ground) -> None:
    on.sql("drop table analytics.customers cascade; drop view analytics.stg_payments cascade")

    statuses = on.build()

    assert {n for n, s in statuses.items() if s == "success"} - ALWAYS == {
        "customers",
        "by_region",
        "stg_payments",
    }
    assert on.stale() == set()


def test_where_nothing_is_built_a_runner_looks_when_the_last_look_is_too_old(on: Ground) -> None:
    on.sql("drop table analytics.orders cascade")

    unseen = on.begin(command="dbt build --select orders+")
    assert not unseen.has_turn

    statuses = on.build(replace(POLICY, look_every=0.0), command="dbt build --select orders+")
    assert {n for n, s in statuses.items() if s == "success"} >= {
        "orders",
        "all_orders",
        "open_orders",
        "by_region",
    }
    assert on.stale() <= {"weekly"}


def test_a_failed_test_keeps_its_model_from_being_reused(on: Ground) -> None:
    on.sql("insert into raw.orders values (3, 2, 8.00)")
    on.sync("storefront", 2)
    first = on.build()
    assert first["unique_orders_order_id"] == "fail"
    assert first["by_region"] == "skipped"

    # Nothing says that the row is gone: only that the test failed.
    on.sql("delete from raw.orders where order_id = 3 and amount = 8.00")
    second = on.build()

    assert (second["orders"], second["unique_orders_order_id"], second["by_region"]) == (
        "success",
        "pass",
        "success",
    )
    assert on.stale() <= {"weekly"}


def test_what_a_killed_runner_built_is_built_again(on: Ground) -> None:
    on.sql("insert into raw.orders values (4, 2, 20.00)")
    on.sync("storefront", 2)
    on.begin()
    assert on.on.start(1, "record:model.reuse.orders").wait() == -signal.SIGKILL
    # What the reaper does in the end, once the lease has run out.
    on.on.run_results()
    [lease] = on.on.world.queue.runners(*on.on.key)
    assert on.on.world.queue.expire_lease(*on.on.key, lease)

    outcome = on.outcome(frozenset(), on.plan())
    assert outcome.reasons["orders"] == "unhealthy"
    assert on.build()["orders"] == "success"
    assert on.stale() == {"weekly"}


def test_of_two_jobs_at_once_the_second_reuses_what_the_first_builds(on: Ground) -> None:
    on.sql("insert into raw.orders values (4, 2, 20.00)")
    on.sync("storefront", 2)
    sides = []
    for _ in range(2):
        plan = on.begin()
        sides.append((plan.run_id, on.on.start(1)))
    for _, runner in sides:
        assert runner.wait() == 0, runner.output + runner.errors

    ends = [
        {short(r.unique_id): r.status.value for r in on.on.world.queue.results(run, 1)} for run, _ in sides
    ]
    for name in ("orders", "open_orders", "by_region"):
        assert sorted(end[name] for end in ends) == ["reused", "success"], name
    assert on.stale() == {"weekly"}


PAGE = (REPOSITORY / "docs" / "reuse.md").read_text().partition("### Where sources get")[0]
COLUMNS = ("stg_orders", "orders", "all_orders", "by_region")
HAPPENINGS: dict[str, Callable[[Ground], object]] = {
    "nothing": lambda on: on.parse(),
    "the connector syncs": lambda on: on.sync("storefront", 2),
    "the same event comes again": lambda on: on.sync("storefront", 1),
    "a comment in `orders`": lambda on: on.edit("models/orders.sql", "Orders that", "All that"),
    "a macro that `stg_orders` calls": lambda on: on.edit("macros/rounded.sql", "2)", "1)"),
    "a post-hook of `by_region`": lambda on: on.edit("models/by_region.sql", "remember_build()", "none"),
    "a test on `orders` failed": lambda on: on.on.world.states.test_ended(
        "production", "model.reuse.orders", on.states["model.reuse.orders"].version, "test.x", passed=False
    ),
}


@pytest.mark.parametrize("happening", HAPPENINGS)
def test_the_page_says_what_is_decided(on: Ground, happening: str) -> None:
    [row] = [line for line in PAGE.splitlines() if line.startswith(f"| {happening} |")]
    told = [cell.strip() for cell in row.split("|")[2:-1]]

    HAPPENINGS[happening](on)
    on.parse()
    on.publish()
    decisions = {short(node.unique_id): node.decision for node in on.plan().nodes}

    assert [words(decisions[name]) for name in COLUMNS] == told


def words(decision: Decision) -> str:
    """A decision as the page's table has it."""
    return "reuse" if decision.reuses else f"build `{decision.reason.value}`"
