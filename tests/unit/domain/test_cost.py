"""What a run costs: the parts that are billed, and what they depend on."""

import pytest

from headgate.domain.cost import X86, Prices, run_cost

CASE = {"nodes": 500, "edges": 800, "runners": 3, "seconds": 360.0, "cpu": 1024, "memory": 2048}


def test_containers_are_billed_by_runner_second_and_size() -> None:
    once = run_cost(**CASE)
    assert once.containers == pytest.approx(3 * 0.1 * (0.03238 + 2 * 0.00356))
    assert run_cost(**CASE | {"runners": 6}).containers == pytest.approx(2 * once.containers)
    assert run_cost(**CASE | {"memory": 4096}).containers > once.containers
    assert run_cost(**CASE, prices=X86).containers > once.containers


def test_a_container_is_billed_for_a_minute_at_least() -> None:
    assert run_cost(**CASE | {"seconds": 5.0}).containers == run_cost(**CASE | {"seconds": 60.0}).containers


def test_the_table_is_billed_by_node_and_edge_and_the_machine_is_not() -> None:
    small, large = run_cost(**CASE), run_cost(**CASE | {"nodes": 5000})
    assert large.table > 8 * small.table
    assert run_cost(**CASE | {"edges": 8000}).table > small.table
    assert large.machine == small.machine


def test_the_total_is_the_sum_of_its_parts() -> None:
    cost = run_cost(**CASE, prices=Prices(function_requests=1e6))
    assert cost.total == pytest.approx(cost.containers + cost.table + cost.machine + cost.functions)
    assert cost.functions > 8
