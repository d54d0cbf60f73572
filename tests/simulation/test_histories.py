"""500 histories in which anything may go wrong: no rule is broken in any of them."""

import pytest

from tests.simulation.checker import report, violations
from tests.simulation.scenario import make_scenario
from tests.simulation.simulation import Simulation

SEEDS = 500
CHUNK = 25


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_history_breaks_a_rule(first: int) -> None:
    for seed in range(first, first + CHUNK):
        simulation = Simulation(make_scenario(seed))
        simulation.run()
        found = violations(simulation)
        assert not found, report(simulation, found)
