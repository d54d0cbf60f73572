"""What a plan will probably take: a schedule that breaks no rule of the queue, its longest path, costs, deadlines."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.cost import run_cost
from headgate.domain.forecast import against, forecast, forecast_step
from headgate.domain.job import Deadline, RunnerSize
from headgate.domain.list_schedule import Span, schedule
from headgate.domain.plan import Engine, Plan
from tests.builders import make_environment
from tests.plans import DIAMOND, plan_of, reusing, taking

ENVIRONMENT = make_environment()
NOW = 1_767_225_600.0


def spans(plan: Plan) -> dict[str, tuple[float, float]]:
    return {name: (span.start, span.end) for name, span in schedule(plan, 0.0).items()}


def test_a_node_begins_when_its_parents_have_ended() -> None:
    plan = taking(plan_of(DIAMOND), {"a": 2.0, "b": 5.0, "c": 1.0, "d": 3.0})
    assert spans(plan) == {"a": (0, 2), "b": (2, 7), "c": (2, 3), "d": (7, 10)}


def test_the_most_urgent_node_begins_first_when_threads_are_few() -> None:
    wide = plan_of({"x": (), "y": (), "z": ()}, runners=1, priorities={"x": 1.0, "y": 9.0, "z": 5.0})
    plan = taking(wide, dict.fromkeys("xyz", 2.0), threads=1)
    assert spans(plan) == {"y": (0, 2), "z": (2, 4), "x": (4, 6)}


def test_a_full_pool_holds_back_its_own_nodes_and_no_others() -> None:
    wide = plan_of({"x": (), "y": (), "z": ()}, runners=1, priorities={"x": 9.0, "y": 8.0, "z": 1.0})
    plan = taking(wide, dict.fromkeys("xyz", 2.0), pools={"x": ("slow",), "y": ("slow",)}, places={"slow": 1})
    assert spans(plan) == {"x": (0, 2), "z": (0, 2), "y": (2, 4)}


def test_one_dbt_command_has_the_threads_of_one_runner() -> None:
    plan = taking(
        plan_of({"x": (), "y": ()}, runners=2), {"x": 1.0, "y": 1.0}, threads=1, engine=Engine.COMMAND
    )
    assert sorted(spans(plan).values()) == [(0, 1), (1, 2)]


def test_reused_nodes_take_no_time_and_nobody_waits_for_them() -> None:
    plan = taking(reusing(plan_of(DIAMOND), "a", "b"), {"a": 50.0, "b": 50.0, "c": 1.0, "d": 3.0})
    found = forecast_step(plan, ENVIRONMENT, now=NOW, start_up=40.0)
    assert found.nodes == {"c": Span(NOW + 40, NOW + 41), "d": Span(NOW + 41, NOW + 44)}
    assert (found.critical, found.warehouse_seconds, found.saved_seconds) == (("c", "d"), 4.0, 100.0)


def test_a_step_that_builds_nothing_ends_at_once_and_starts_no_container() -> None:
    nothing = forecast_step(reusing(plan_of(DIAMOND), *DIAMOND), ENVIRONMENT, now=NOW)
    built = forecast_step(plan_of(DIAMOND), ENVIRONMENT, now=NOW)
    assert (nothing.span, nothing.nodes, nothing.critical) == (Span(NOW, NOW), {}, ())
    assert 0 < nothing.cost.high < built.cost.low
    look = forecast_step(reusing(plan_of(DIAMOND), *DIAMOND, look=True), ENVIRONMENT, now=NOW)
    assert look.span.seconds > 0


def test_steps_come_one_after_the_other() -> None:
    first, second = forecast(
        [plan_of(DIAMOND), plan_of(DIAMOND, step=2)], ENVIRONMENT, now=NOW, start_up=10.0
    )
    assert (first.span, second.span) == (Span(NOW, NOW + 13), Span(NOW + 13, NOW + 26))
    assert min(span.start for span in second.nodes.values()) == NOW + 23


def test_the_cost_is_a_range_around_what_such_a_run_costs_and_spot_makes_it_wider() -> None:
    plan = taking(plan_of(DIAMOND, runners=3), dict.fromkeys(DIAMOND, 100.0))
    found = forecast_step(plan, ENVIRONMENT, now=NOW, start_up=40.0).cost
    likely = run_cost(nodes=4, edges=4, runners=3, seconds=340.0, cpu=1024, memory=4096).total
    assert found.low < likely < found.high
    spot = forecast_step(plan, make_environment(runners=RunnerSize(spot=True)), now=NOW, start_up=40.0).cost
    assert spot.low < found.low
    assert spot.high == found.high


@pytest.mark.parametrize(
    ("now", "zone", "finish_by", "due"),
    [
        ("2026-01-15T06:00", "Europe/Berlin", "08:00", "2026-01-15T08:00"),
        ("2026-01-15T08:00", "Europe/Berlin", "08:00", "2026-01-16T08:00"),
        ("2026-01-15T23:30", "America/New_York", "00:15", "2026-01-16T00:15"),
        # The clocks go forward in this night, then there is no 02:30; and back in that one, then it comes twice.
        ("2026-03-28T22:00", "Europe/Berlin", "08:00", "2026-03-29T08:00"),
        ("2026-03-28T22:00", "Europe/Berlin", "02:30", "2026-03-29T03:30"),
        ("2026-10-24T22:00", "Europe/Berlin", "02:30", "2026-10-25T02:30"),
        ("2026-10-25T12:00", "Europe/Berlin", "08:00", "2026-10-26T08:00"),
    ],
)
def test_a_deadline_is_the_next_moment_that_a_clock_on_that_wall_shows_it(
    now: str, zone: str, finish_by: str, due: str
) -> None:
    at, expected = (
        datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() for text in (now, due)
    )
    found = against(Deadline(finish_by, zone), now=at, ends=expected - 60)
    assert (found.due, found.holds, found.margin) == (expected, True, 60.0)
    late = against(Deadline(finish_by, zone), now=at, ends=expected + 90)
    assert (late.holds, late.margin) == (False, -90.0)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    size = draw(st.integers(1, 25))
    names = [f"n{number:02d}" for number in range(size)]
    parents = {
        name: tuple(sorted(draw(st.sets(st.sampled_from(names[:number]), max_size=3)))) if number else ()
        for number, name in enumerate(names)
    }
    seconds = {name: float(draw(st.integers(0, 9))) for name in names}
    pools = {name: draw(st.sampled_from([(), ("p",), ("q",), ("p", "q")])) for name in names}
    plan = plan_of(parents, runners=draw(st.integers(1, 3)))
    reused = draw(st.sets(st.sampled_from(names)))
    return reusing(
        taking(plan, seconds, threads=draw(st.integers(1, 3)), pools=pools, places={"p": 1, "q": 2}), *reused
    )


@settings(deadline=None, max_examples=150)
@given(plans())
def test_a_schedule_builds_everything_once_and_breaks_no_rule(plan: Plan) -> None:
    found = schedule(plan, 100.0)
    nodes = {node.unique_id: node for node in plan.nodes if node.is_built}
    assert found.keys() == nodes.keys()
    for name, node in nodes.items():
        assert found[name].seconds == node.predicted_seconds
        assert all(found[parent].end <= found[name].start for parent in node.parents if parent in found)
    limits = {"p": 1, "q": 2, "": plan.runners * plan.threads}
    for pool, limit in limits.items():
        taken = [span for name, span in found.items() if not pool or pool in nodes[name].pools]
        for moment in {span.start for span in taken}:
            assert sum(span.start <= moment < span.end for span in taken) <= limit
    work = sum(node.predicted_seconds for node in nodes.values())
    assert max((span.end for span in found.values()), default=100.0) <= 100.0 + work
    path = forecast_step(plan, ENVIRONMENT, now=0.0).critical
    assert all(before in nodes[after].parents for before, after in pairwise(path))
