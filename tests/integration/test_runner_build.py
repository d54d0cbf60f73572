"""Two real runners share a real build: what they leave equals what plain dbt leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.integration.runner_stage import stage


def test_two_runners_build_what_plain_dbt_builds(
    postgres: Any, run_dbt: Any, untouched_shop: Path, tmp_path: Path
) -> None:
    env, plain_env = postgres.database("shared"), postgres.database("alone")
    plain = run_dbt(untouched_shop, plain_env, "build")
    with stage(env) as on:
        on.publish(untouched_shop, tmp_path)
        on.build()

        assert on.unfinished == set()
        assert on.statuses == plain.statuses
        assert {result.runner for result in on.results} == {1, 2}
    assert postgres.checksums("shared") == postgres.checksums("alone")
