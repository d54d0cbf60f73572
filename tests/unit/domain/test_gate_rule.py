"""When a gate opens: of what arrived, in whatever order, and by the clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.gate import Awaited, Gate
from headgate.domain.gate_rule import Open, Wait, decide, key_of, label_of, passed_over, watched
from headgate.domain.gate_state import Arrival, GateState, begun, emptied, ended, with_arrival
from headgate.domain.local_moment import last_two, moment_of
from headgate.domain.run import Cause

NAMES = ("stripe", "salesforce", "hubspot")
ALL = Gate("fivetran", tuple(Awaited("fivetran", name) for name in NAMES), needed=3)
HOUR = 3600.0


def arrival(name: str, event: str = "", at: float = 0.0, heard_at: float | None = None) -> Arrival:
    cause = Cause("fivetran", event or f"{name}/1", f"connector {name}", (name,))
    return Arrival((f"fivetran/{name}",), cause, at, at if heard_at is None else heard_at)


def after(*arrivals: Arrival, state: GateState | None = None) -> GateState:
    found = state or GateState("finance", "fivetran")
    for one in arrivals:
        found = with_arrival(found, one)
    return found


def test_all_of_three() -> None:
    state = after(arrival("stripe"), arrival("stripe", "stripe/2"))
    assert decide(ALL, state, 10.0) == Wait("waits: 1 of 3, missing salesforce, hubspot")
    state = after(arrival("salesforce"), arrival("hubspot"), state=state)
    assert decide(ALL, state, 10.0) == Open(10.0, "3 of 3: stripe, salesforce, hubspot")


def test_some_of_three() -> None:
    two = replace(ALL, needed=2)
    assert decide(two, after(arrival("stripe")), 0.0) == Wait(
        "waits: 1 of 2 out of 3, not yet salesforce, hubspot"
    )
    assert decide(two, after(arrival("stripe"), arrival("hubspot")), 0.0) == Open(
        0.0, "2 of 3: stripe, hubspot"
    )


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_what_arrives_within_must_lie_together_in_whatever_order(order: tuple[int, ...]) -> None:
    gate = replace(ALL, within=2 * HOUR)
    apart = [arrival("stripe", at=0.0), arrival("salesforce", at=1.5 * HOUR), arrival("hubspot", at=3 * HOUR)]
    state = after(*(apart[number] for number in order))
    assert decide(gate, state, 4 * HOUR) == Wait("waits: 2 of 3, missing stripe")
    # A second sync closes the row; the cause of the one that did not count is kept all the same.
    opening = begun(after(arrival("stripe", "stripe/2", at=2 * HOUR), state=state), "x", 0.0).opening
    assert isinstance(
        decide(gate, after(arrival("stripe", "stripe/2", at=2 * HOUR), state=state), 4 * HOUR), Open
    )
    assert opening is not None
    assert {cause.key for cause in opening.also} == {"stripe/1", "stripe/2", "salesforce/1", "hubspot/1"}


def test_the_edge_of_within_counts() -> None:
    gate = replace(ALL, needed=2, within=100.0)
    assert isinstance(decide(gate, after(arrival("stripe"), arrival("hubspot", at=100.0)), 200.0), Open)
    assert isinstance(decide(gate, after(arrival("stripe"), arrival("hubspot", at=100.5)), 200.0), Wait)


def test_quiet_begins_anew_with_each_arrival() -> None:
    gate = replace(ALL, needed=1, debounce=300.0, timezone="Europe/Berlin")
    state = after(arrival("stripe", heard_at=1_700_000_000.0))
    assert decide(gate, state, 1_700_000_000.0) == Wait(
        "opens at 23:18:20 after 5 min of quiet", 1_700_000_300.0
    )
    state = after(arrival("hubspot", heard_at=1_700_000_200.0), state=state)
    assert isinstance(decide(gate, state, 1_700_000_499.0), Wait)
    assert isinstance(decide(gate, state, 1_700_000_500.0), Open)


def test_a_gate_waits_for_no_more_than_it_names() -> None:
    assert isinstance(decide(replace(ALL, needed=7), after(*map(arrival, NAMES)), 0.0), Open)
    assert isinstance(decide(Gate("empty", ()), GateState("a", "empty"), 0.0), Wait)


def test_what_is_not_awaited_any_more_does_not_count_but_its_cause_stays() -> None:
    state = after(arrival("renamed"), arrival("stripe"), arrival("salesforce"))
    assert decide(ALL, state, 0.0) == Wait("waits: 2 of 3, missing hubspot")
    opening = begun(after(arrival("hubspot"), state=state), "x", 0.0).opening
    assert opening is not None
    assert opening.cause.connectors == ("hubspot", "renamed", "salesforce", "stripe")


def test_one_event_may_be_several_things() -> None:
    gate = Gate("after", (Awaited("job", "core"), Awaited("model", "core/dim")), needed=2)
    both = Arrival(("job/core", "model/core/dim"), Cause("job", "run/1"), 0.0, 0.0)
    assert decide(gate, after(both), 0.0) == Open(0.0, "2 of 2: job core, core/dim")


def test_entries_that_ask_for_different_things_are_different() -> None:
    keys = [Awaited("s3", "landing", {"key": (pattern,)}) for pattern in ("a/*", "b/*")]
    assert key_of(keys[0]) != key_of(keys[1])
    assert key_of(keys[0]) == key_of(Awaited("s3", "landing", {"key": ("a/*",)}))
    assert [label_of(one) for one in keys] == ["landing a/*", "landing b/*"]


def test_many_missing_ones_are_counted() -> None:
    wide = Gate("g", tuple(Awaited("fivetran", f"c{number}") for number in range(40)), needed=40)
    assert decide(wide, after(), 0.0) == Wait("waits: 0 of 40, missing c0, c1, c2, c3, c4, c5 and 34 more")


# Whatever the order


EVENTS = st.lists(
    st.tuples(st.sampled_from((*NAMES, "other")), st.integers(0, 9), st.integers(0, 4)),
    unique_by=lambda one: one[:2],
    max_size=8,
)


def made(one: tuple[str, int, int]) -> Arrival:
    name, number, at = one
    return arrival(name, f"{name}/{number}", at * HOUR, heard_at=9 * HOUR)


@given(EVENTS, st.randoms(use_true_random=False), st.sampled_from([None, HOUR, 2 * HOUR]))
@settings(max_examples=200, deadline=None)
def test_the_order_of_arrivals_does_not_matter(events, random, within) -> None:  # type: ignore[no-untyped-def]
    shuffled = random.sample(events, len(events))
    state, other = after(*map(made, events)), after(*map(made, shuffled))
    assert state == other
    gate = replace(ALL, within=within)
    assert decide(gate, state, 9 * HOUR) == decide(gate, other, 9 * HOUR)


@given(EVENTS, st.randoms(use_true_random=False), st.integers(1, 3))
@settings(max_examples=200, deadline=None)
def test_no_cause_is_ever_lost_and_none_is_told_twice(events, random, needed) -> None:  # type: ignore[no-untyped-def]
    gate = replace(ALL, needed=needed)
    state, told, keys = GateState("finance", "fivetran"), [], []
    for one in random.sample(events, len(events)):
        state = with_arrival(state, made(one))
        decision = decide(gate, state, 9 * HOUR)
        if isinstance(decision, Open):
            state = begun(state, decision.detail, decision.at)
            assert state.opening is not None
            told += [cause.key for cause in state.opening.also]
            keys.append(state.opening.cause.key)
            state = ended(state)
    waiting = [one.event_id for one in state.arrivals]
    assert sorted([*told, *waiting]) == sorted(f"{name}/{number}" for name, number, _ in events)
    assert keys == [f"gate/fivetran/{number}" for number in range(1, len(keys) + 1)]


@given(st.lists(st.integers(0, 400), unique=True, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_what_has_no_room_is_counted_and_which_does_not_depend_on_the_order(numbers, random) -> None:  # type: ignore[no-untyped-def]
    def long(number: int) -> Arrival:
        return arrival(NAMES[number % 2], f"{number:03d}" + "x" * 1500, at=float(number // 3))

    state = after(*map(long, numbers))
    assert state == after(*map(long, random.sample(numbers, len(numbers))))
    assert len(state.arrivals) + sum(one.number for one in state.counted) == len(numbers)
    assert sum(one.size for one in state.arrivals) < 40_000
    newest = {NAMES[number % 2]: number for number in sorted(numbers, key=lambda n: (n // 3, f"{n:03d}"))}
    assert {long(number).event_id for number in newest.values()} <= {one.event_id for one in state.arrivals}


def test_causes_of_no_connector_leave_the_whole_job_to_build() -> None:
    pushed = Arrival(("github/org",), Cause("github", "push/1"), 0.0, 0.0)
    opening = begun(after(arrival("stripe"), pushed), "x", 0.0).opening
    assert opening is not None
    assert opening.cause.connectors == ()


# By the clock


def at(text: str, zone: str = "Europe/Berlin") -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()


BY_SEVEN = replace(ALL, else_at="07:00", timezone="Europe/Berlin")


def known(since: str, **fields: object) -> GateState:
    return replace(watched(BY_SEVEN, GateState("finance", "fivetran"), at(since)), **fields)  # type: ignore[arg-type]


def test_at_the_time_it_opens_anyway_and_says_what_is_late() -> None:
    state = after(arrival("stripe"), state=known("2026-01-30T12:00"))
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T06:59:59")), Wait)
    expected = Open(
        at("2026-01-31T07:00"), "1 of 3 at 07:00: stripe; late: salesforce, hubspot", by_deadline=True
    )
    assert decide(BY_SEVEN, state, at("2026-01-31T07:00")) == expected
    assert decide(BY_SEVEN, state, at("2026-01-31T19:00")) == expected


def test_it_opens_with_nothing_too_and_once_a_day() -> None:
    state = known("2026-01-30T12:00")
    opened = 0
    for hour in range(0, 24 * 5):
        now = at("2026-01-30T13:00") + hour * HOUR
        decision = decide(BY_SEVEN, state, now)
        if isinstance(decision, Open):
            assert decision.detail == "0 of 3 at 07:00; late: stripe, salesforce, hubspot"
            state, opened = ended(begun(state, decision.detail, decision.at)), opened + 1
    assert opened == 5


def test_not_if_it_opened_since_the_same_time_the_day_before() -> None:
    state = known("2026-01-20T12:00", opened_at=at("2026-01-30T07:00:30"))
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T07:01")), Wait)
    assert isinstance(decide(BY_SEVEN, state, at("2026-02-01T07:01")), Open)
    before = known("2026-01-20T12:00", opened_at=at("2026-01-30T06:59"))
    assert isinstance(decide(BY_SEVEN, before, at("2026-01-31T07:01")), Open)


def test_not_for_a_time_before_it_was_applied_or_changed() -> None:
    state = known("2026-01-31T07:30")
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T07:31")), Wait)
    assert isinstance(decide(BY_SEVEN, state, at("2026-02-01T07:00")), Open)
    earlier = replace(BY_SEVEN, else_at="06:00")
    assert isinstance(decide(earlier, known("2026-01-20T12:00"), at("2026-01-31T06:30")), Wait)
    changed = watched(earlier, known("2026-01-20T12:00"), at("2026-01-31T06:30"))
    assert isinstance(decide(earlier, changed, at("2026-01-31T06:31")), Wait)
    assert isinstance(decide(earlier, changed, at("2026-02-01T06:00")), Open)
    assert watched(BY_SEVEN, state, at("2026-02-01T12:00")) == state
    assert watched(ALL, state, 0.0).deadline == ""


def test_what_was_passed_over_is_not_made_up_for() -> None:
    state = known("2026-01-20T12:00")
    assert passed_over(BY_SEVEN, state, at("2026-01-31T07:30")).passed == at("2026-01-31T07:00")
    state = passed_over(BY_SEVEN, state, at("2026-01-31T07:30"))
    assert passed_over(BY_SEVEN, state, at("2026-01-31T08:30")) is state
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T09:00")), Wait)
    assert isinstance(decide(BY_SEVEN, state, at("2026-02-01T07:00")), Open)


def test_after_an_outage_only_the_last_time_is_made_up_for() -> None:
    state = known("2026-01-20T12:00")
    decision = decide(BY_SEVEN, state, at("2026-01-31T06:00"))
    assert isinstance(decision, Open)
    assert decision.at == at("2026-01-30T07:00")
    state = ended(begun(state, decision.detail, decision.at))
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T06:30")), Wait)
    assert isinstance(decide(BY_SEVEN, state, at("2026-01-31T07:00")), Open)


def test_an_emptied_gate_has_forgotten_all_but_its_number() -> None:
    state = ended(begun(after(arrival("stripe"), state=known("2026-01-20T12:00")), "x", 5.0))
    left = emptied(after(arrival("stripe", "2"), state=state))
    assert (left.generation, left.opened_at, left.arrivals, left.deadline, left.is_open) == (
        1,
        5.0,
        (),
        "",
        False,
    )


# Local times


@pytest.mark.parametrize(
    ("day", "time", "zone", "utc"),
    [
        ("2026-03-29", "02:30", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-03-29", "03:00", "Europe/Berlin", "2026-03-29T01:00"),
        ("2026-10-25", "02:30", "Europe/Berlin", "2026-10-25T00:30"),
        ("2026-01-31", "07:00", "Europe/Berlin", "2026-01-31T06:00"),
        ("2026-10-04", "02:15", "Australia/Lord_Howe", "2026-10-03T15:30"),
        ("2026-04-24", "00:30", "Africa/Cairo", "2026-04-23T22:00"),
        ("2011-12-30", "07:00", "Pacific/Apia", "2011-12-30T10:00"),
    ],
)
def test_a_local_time_that_is_missing_is_taken_at_the_first_that_exists(
    day: str, time: str, zone: str, utc: str
) -> None:
    found = moment_of(date.fromisoformat(day), time, zone)
    assert datetime.fromtimestamp(found, UTC).isoformat(timespec="minutes") == f"{utc}+00:00"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "Australia/Lord_Howe", "Asia/Kolkata"])
def test_a_deadline_comes_once_a_day_for_a_year(zone: str) -> None:
    gate = replace(ALL, else_at="02:30", timezone=zone)
    state = watched(gate, GateState("a", "fivetran"), at("2026-01-01T12:00", zone))
    days = []
    for half_hour in range(2 * 24 * 365):
        now = at("2026-01-01T12:00", zone) + half_hour * 1800
        if now < state.opened_at + 22 * HOUR:
            continue
        decision = decide(gate, state, now)
        if isinstance(decision, Open):
            days.append(datetime.fromtimestamp(decision.at, ZoneInfo(zone)).date())
            state = ended(begun(state, "", decision.at))
    assert len(days) == len(set(days)) == 365


def test_the_last_two_times() -> None:
    assert last_two("07:00", "UTC", at("2026-01-31T07:00", "UTC")) == (
        at("2026-01-30T07:00", "UTC"),
        at("2026-01-31T07:00", "UTC"),
    )
    assert last_two("07:00", "UTC", at("2026-01-31T06:59", "UTC"))[1] == at("2026-01-30T07:00", "UTC")
