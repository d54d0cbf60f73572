"""The example shop under plain dbt: what Headgate must equal when it builds the same project."""

from __future__ import annotations

import filecmp
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

BREAKABLE = Path("models/intermediate/finance/int_order_payments.sql")
GOOD, BAD = "sum(amount_eur) as paid_eur", "sum(amount_euro) as paid_eur"
# Everything that follows int_order_payments, its data tests aside.
SKIPPED = {
    "model.shop.fct_orders",
    "model.shop.fct_contribution_margin",
    "model.shop.fct_daily_revenue",
    "model.shop.fct_monthly_revenue",
    "model.shop.payment_reconciliation",
    "model.shop.revenue_forecast",
    "model.shop.dim_customers",
    "model.shop.customer_segments",
    "model.shop.customer_cohorts",
    "model.shop.fct_attributed_orders",
    "model.shop.fct_campaign_performance",
    "model.shop.fct_segment_channels",
    "exposure.shop.board_report",
    "exposure.shop.campaign_cockpit",
    "exposure.shop.letter_audiences",
    "unit_test.shop.customer_segments.recent_and_valuable_customers_are_loyal",
}
GREEN = {"success", "pass", "warn", "no-op"}
DATABASE = "shop_twice"


@dataclass(frozen=True)
class TwiceBuilt:
    """Two builds and a freshness check, one after the other in one database that began empty."""

    builds: tuple[Any, Any]
    checksums: tuple[dict[str, Any], dict[str, Any]]
    freshness: Any

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.builds[0].target / "manifest.json").read_text()))


@pytest.fixture(scope="module")
def built(postgres: Any, run_dbt: Any, untouched_shop: Path) -> TwiceBuilt:
    env = postgres.database(DATABASE)
    first = run_dbt(untouched_shop, env, "build")
    after_first = postgres.checksums(DATABASE)
    strict = ["--warn-error-options", '{"error": ["Deprecations"]}']
    second = run_dbt(untouched_shop, env, *strict, "build")
    after_second = postgres.checksums(DATABASE)
    freshness = run_dbt(untouched_shop, env, "source", "freshness")
    return TwiceBuilt((first, second), (after_first, after_second), freshness)


@pytest.mark.parametrize("number", [0, 1], ids=["on an empty database", "again, no deprecation allowed"])
def test_build_is_green(built: TwiceBuilt, number: int) -> None:
    build = built.builds[number]
    assert build.returncode == 0, build.output
    assert set(build.statuses.values()) == GREEN
    assert len(build.statuses) > 100


def test_building_again_changes_no_row(built: TwiceBuilt) -> None:
    first, second = built.checksums
    assert first == second
    assert first["analytics_finance.fct_orders"][0] == 260
    assert all(rows > 0 for rows, _ in first.values())


def test_project_has_what_a_grown_project_has(built: TwiceBuilt) -> None:
    nodes = built.manifest["nodes"].values()
    models = [node for node in nodes if node["resource_type"] == "model"]
    kinds = Counter(node["config"]["materialized"] for node in nodes)
    assert len(models) >= 25
    assert {"view", "table", "incremental", "ephemeral", "seed", "snapshot", "test"} <= set(kinds)
    assert {node["config"]["group"] for node in models} == {None, "finance", "marketing"}
    severities = {node["config"]["severity"].lower() for node in nodes if node["resource_type"] == "test"}
    assert severities == {"warn", "error"}
    assert len(built.manifest["unit_tests"]) >= 3
    assert all(exposure["owner"]["email"] for exposure in built.manifest["exposures"].values())


def test_an_ephemeral_model_serves_several_models(built: TwiceBuilt) -> None:
    children = built.manifest["child_map"]["model.shop.int_payments_in_eur"]
    assert {"model.shop.int_order_payments", "model.shop.fct_payments"} <= set(children)


def test_hooks_run_once_and_see_every_result(postgres: Any, built: TwiceBuilt) -> None:
    rows = postgres.query(
        DATABASE,
        "select invocation_id, event, command, nodes, statuses from analytics_audit.invocations "
        "order by recorded_at",
    )
    assert [row[1:3] for row in rows] == [
        ("start", "build"),
        ("end", "build"),
        ("start", "build"),
        ("end", "build"),
        ("start", "freshness"),
        ("end", "freshness"),
    ]
    assert len({row[0] for row in rows}) == 3
    for build, (_, _, _, nodes, statuses) in zip(built.builds, (rows[1], rows[3]), strict=True):
        seen = [status for node, status in build.statuses.items() if not node.startswith("operation.")]
        assert (nodes, statuses) == (len(seen), dict(Counter(seen)))


def test_sources_are_fresh_after_a_build(built: TwiceBuilt) -> None:
    assert built.freshness.returncode == 0, built.freshness.output
    results = json.loads((built.freshness.target / "sources.json").read_text())["results"]
    assert {result["unique_id"].split(".")[2] for result in results} == {
        "stripe",
        "treasury",
        "storefront",
        "salesforce",
        "google_ads",
    }
    assert {result["status"] for result in results} == {"pass"}


def test_one_wrong_column_skips_all_that_follows(postgres: Any, run_dbt: Any, shop_project: Path) -> None:
    model = shop_project / BREAKABLE
    text = model.read_text()
    assert text.count(GOOD) == 1
    model.write_text(text.replace(GOOD, BAD))
    build = run_dbt(shop_project, postgres.database("shop_broken"), "build")
    assert build.returncode == 1
    errors = [result for result in build.results if result["status"] == "error"]
    assert [error["unique_id"] for error in errors] == ["model.shop.int_order_payments"]
    assert 'column "amount_euro" does not exist' in errors[0]["message"]
    skipped = {node for node, status in build.statuses.items() if status == "skipped"}
    assert {node for node in skipped if not node.startswith("test.")} == SKIPPED
    assert len(skipped) == 43
    assert build.statuses["model.shop.fct_payments"] == "success"


def test_finance_builds_alone_on_an_empty_database(
    postgres: Any, run_dbt: Any, untouched_shop: Path, built: TwiceBuilt
) -> None:
    build = run_dbt(untouched_shop, postgres.database("shop_finance"), "build", "--select", "tag:finance")
    assert build.returncode == 0, build.output
    alone = postgres.checksums("shop_finance")
    assert "analytics_marketing.dim_customers" not in alone
    assert alone.items() <= built.checksums[0].items()


def test_seed_files_are_those_of_the_generator(tmp_path: Path, untouched_shop: Path) -> None:
    subprocess.run([sys.executable, str(untouched_shop / "generate_seeds.py"), str(tmp_path)], check=True)
    written = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*.csv"))
    assert len(written) == 12
    _, different, missing = filecmp.cmpfiles(
        tmp_path, untouched_shop / "seeds", [str(path) for path in written], shallow=False
    )
    assert (different, missing) == ([], [])


def test_jobs_file_speaks_of_this_project(untouched_shop: Path, built: TwiceBuilt) -> None:
    jobs_file = yaml.safe_load((untouched_shop / "headgate.yml").read_text())
    waited_for = [
        connector
        for job in jobs_file["jobs"].values()
        for connector in job.get("when", {}).get("fivetran", {}).get("connectors", [])
    ]
    sources = built.manifest["sources"].values()
    # Rates wait for nobody: the next run takes them along.
    fed = {source["meta"]["fivetran_connector"] for source in sources}
    assert set(waited_for) == fed - {"exchange_rates"}
    profile = (untouched_shop / "profiles.yml").read_text()
    secrets = jobs_file["environments"]["production"]["secrets"]
    assert len(secrets) == profile.count("env_var(")
    assert all(f"env_var('{variable}'" in profile for variable in secrets)
