"""Build states: one holder at a time, a fence for each hold, and no word of a build that was overtaken."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import boto3
import pytest

from headgate.adapters.aws.dynamodb_build_states import DynamoDBBuildStates
from headgate.adapters.aws.table import to_item
from headgate.domain.build_state import FORMAT, MESSAGE_CHARS, BuildState, Hold
from headgate.errors import UnavailableError
from headgate.ports import BuildStates
from tests.contract.conftest import MotoStage
from tests.contract.test_dynamodb import TABLE, Failing
from tests.faults import Interrupted

ENV, ORDERS = "production", "model.shop.orders"
ALICE, BOB, CAROL = "7#1#1#1#model.shop.orders", "8#1#2#1#model.shop.orders", "9#1#1#4#model.shop.orders"


@pytest.fixture
def states(world: Any) -> BuildStates:
    return world.states  # type: ignore[no-any-return]


def held(states: BuildStates, holder: str = ALICE, **named: str) -> Hold:
    hold = states.hold(ENV, ORDERS, holder, **named)
    assert isinstance(hold, Hold), f"{hold.holder} holds it"
    return hold


def built(fence: int, **changes: Any) -> BuildState:
    state = BuildState(
        ORDERS,
        version=f"7.1.{fence}",
        relation='"prod"."analytics"."orders"',
        fingerprint={"code": "c0de", "macro.shop.cents": "aa"},
        seen={"source.shop.raw.orders": "fivetran/abc@1", "model.shop.stg": "6.1.2"},
        built_at=1_767_225_600.25,
        run_id=7,
        status="success",
        fence=fence,
    )
    return replace(state, **changes)


def built_once(states: BuildStates, **changes: Any) -> BuildState:
    state = built(held(states).fence, **changes)
    assert states.commit(ENV, state)
    return state


def stored(states: BuildStates) -> BuildState:
    return states.read(ENV, [ORDERS])[ORDERS]


def test_what_was_never_built_has_no_record(states: BuildStates) -> None:
    assert states.read(ENV, [ORDERS]) == {}
    assert states.read(ENV, []) == {}


def test_a_build_is_read_back_as_it_was_committed(states: BuildStates) -> None:
    hold = held(states)
    assert hold == Hold(ORDERS, 1, BuildState(ORDERS))
    state = built(hold.fence, pending=frozenset({"test.a", "test.b"}), failed=frozenset({"test.c"}))
    assert states.commit(ENV, replace(state, holder=ALICE))
    assert stored(states) == state


def test_a_commit_replaces_everything_but_the_fence(states: BuildStates) -> None:
    built_once(states, pending=frozenset({"test.a"}), failed=frozenset({"test.b"}), message="slow")
    hold = held(states, BOB)
    assert (hold.fence, hold.before.version, hold.before.pending) == (2, "7.1.1", {"test.a"})
    bare = BuildState(ORDERS, version="8.1.2", status="success", fence=2)
    assert states.commit(ENV, bare)
    assert stored(states) == bare


def test_while_one_holds_it_nobody_else_does(states: BuildStates) -> None:
    held(states)
    refused = states.hold(ENV, ORDERS, BOB)
    assert isinstance(refused, BuildState)
    assert (refused.holder, refused.fence) == (ALICE, 1)
    assert isinstance(states.hold("staging", ORDERS, BOB), Hold), "another environment is another relation"
    assert isinstance(states.hold(ENV, "model.shop.stg", BOB), Hold)


def test_whoever_holds_it_already_gets_a_new_hold(states: BuildStates) -> None:
    held(states)
    again = held(states)
    assert (again.fence, again.before.holder) == (2, ALICE)
    assert not states.commit(ENV, built(1)), "the hold before that is over"
    assert states.commit(ENV, built(2))


def test_of_sixteen_at_once_one_holds(states: BuildStates) -> None:
    def turn(number: int) -> tuple[int, int]:
        while not isinstance(hold := states.hold(ENV, ORDERS, f"holder {number}"), Hold):
            pass
        inside.append(number)
        alone = len(inside)
        inside.remove(number)
        assert states.let_go(ENV, ORDERS, hold.fence)
        return hold.fence, alone

    inside: list[int] = []
    with ThreadPoolExecutor(16) as pool:
        turns = list(pool.map(turn, range(48)))
    assert sorted(fence for fence, _ in turns) == list(range(1, 49)), "no fence twice"
    assert {alone for _, alone in turns} == {1}
    assert stored(states).holder == ""


def test_only_the_holder_that_is_gone_is_replaced(states: BuildStates) -> None:
    held(states)
    refused = states.hold(ENV, ORDERS, CAROL, instead_of=BOB)
    assert isinstance(refused, BuildState)
    assert refused.holder == ALICE
    hold = held(states, CAROL, instead_of=ALICE)
    assert (hold.fence, hold.before.holder) == (2, ALICE)
    late = states.hold(ENV, ORDERS, BOB, instead_of=ALICE)
    assert isinstance(late, BuildState)
    assert late.holder == CAROL


def test_what_a_lost_holder_left_is_unhealthy_until_somebody_builds_it(states: BuildStates) -> None:
    built_once(states)
    held(states, BOB)
    hold = held(states, CAROL, instead_of=BOB)
    assert (hold.before.version, hold.before.status, hold.before.holder) == ("7.1.1", "success", BOB)
    assert states.let_go(ENV, ORDERS, hold.fence)
    left = stored(states)
    assert (left.version, left.status, left.holder) == ("7.1.1", "error", "")
    assert BOB in left.message
    assert states.commit(ENV, built(held(states).fence))
    assert stored(states).status == "success"


def test_instead_of_somebody_who_let_go_meanwhile_is_an_ordinary_hold(states: BuildStates) -> None:
    built_once(states)
    hold = held(states, CAROL, instead_of=BOB)
    assert (hold.fence, hold.before.status) == (2, "success")
    assert stored(states).status == "success"


def test_a_lost_runner_cannot_publish_what_it_built(states: BuildStates) -> None:
    lost = held(states)
    held(states, BOB, instead_of=ALICE)
    assert not states.commit(ENV, built(lost.fence))
    assert not states.let_go(ENV, ORDERS, lost.fence, error="stopped")
    assert (stored(states).version, stored(states).holder) == ("", BOB)
    assert states.commit(ENV, built(2))
    assert not states.commit(ENV, built(lost.fence, version="late")), "nor after the other one is done"
    assert stored(states) == built(2)


def test_nobody_commits_without_a_hold(states: BuildStates) -> None:
    assert not states.commit(ENV, built(0))
    assert not states.commit(ENV, built(1))
    hold = held(states)
    assert states.let_go(ENV, ORDERS, hold.fence)
    assert not states.commit(ENV, built(hold.fence)), "it was let go"
    assert stored(states).version == ""


def test_the_same_commit_again_is_true_and_undoes_no_test(states: BuildStates) -> None:
    state = built_once(states, pending=frozenset({"test.a"}))
    assert states.test_ended(ENV, ORDERS, state.version, "test.a", passed=True)
    assert states.commit(ENV, state)
    assert stored(states).pending == frozenset()
    assert not states.commit(ENV, replace(state, version="7.1.other"))


def test_letting_go_without_a_build_keeps_the_build_before(states: BuildStates) -> None:
    state = built_once(states)
    hold = held(states, BOB)
    assert states.let_go(ENV, ORDERS, hold.fence)
    assert stored(states) == replace(state, fence=2)
    assert states.let_go(ENV, ORDERS, hold.fence), "asked again"
    assert not states.let_go(ENV, ORDERS, 1)
    assert not states.let_go(ENV, "model.shop.nobody", 1)


def test_a_build_that_failed_leaves_its_error(states: BuildStates) -> None:
    built_once(states)
    hold = held(states, BOB)
    assert states.let_go(ENV, ORDERS, hold.fence, error="relation x does not exist" + "!" * 5000)
    left = stored(states)
    assert (left.status, left.version, left.holder) == ("error", "7.1.1", "")
    assert left.message.startswith("relation x does not exist!")
    assert len(left.message) == MESSAGE_CHARS


def test_tests_end_for_the_build_they_were_part_of(states: BuildStates) -> None:
    version = built_once(states, pending=frozenset({"test.a", "test.b", "test.c"})).version
    for _ in range(2):  # nothing changes when it is said again
        assert states.test_ended(ENV, ORDERS, version, "test.a", passed=True)
        assert states.test_ended(ENV, ORDERS, version, "test.b", passed=False)
        assert (stored(states).pending, stored(states).failed) == ({"test.b", "test.c"}, {"test.b"})
    assert states.test_ended(ENV, ORDERS, version, "test.b", passed=True)
    assert states.test_ended(ENV, ORDERS, version, "test.unplanned", passed=True)
    assert (stored(states).pending, stored(states).failed) == ({"test.c"}, frozenset())
    assert not states.test_ended(ENV, ORDERS, "6.1.1", "test.c", passed=False)
    assert not states.test_ended(ENV, ORDERS, "", "test.c", passed=False)
    assert not states.test_ended(ENV, "model.shop.nobody", version, "test.c", passed=True)
    assert stored(states).failed == frozenset()
    assert states.read(ENV, ["model.shop.nobody"]) == {}


def test_sixteen_tests_that_end_at_once_are_all_counted(states: BuildStates) -> None:
    tests = [f"test.shop.t{number}" for number in range(32)]
    version = built_once(states, pending=frozenset(tests)).version

    def end(number: int) -> bool:
        return states.test_ended(ENV, ORDERS, version, tests[number], passed=number % 4 != 0)

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(end, range(32)))
    assert stored(states).pending == stored(states).failed == set(tests[::4])


def test_a_test_is_recorded_without_a_hold(states: BuildStates) -> None:
    state = BuildState("test.shop.unique", fingerprint={"code": "a"}, seen={ORDERS: "7.1.1"}, status="pass")
    states.record(ENV, state)
    assert states.read(ENV, ["test.shop.unique"]) == {"test.shop.unique": state}
    failed = replace(state, status="fail", message="3 rows", seen={})
    states.record(ENV, failed)
    assert states.read(ENV, ["test.shop.unique"]) == {"test.shop.unique": failed}


def test_a_record_takes_nobodys_hold(states: BuildStates) -> None:
    held(states)
    states.record(ENV, BuildState(ORDERS, status="success", fence=9))
    assert (stored(states).holder, stored(states).fence) == (ALICE, 1)
    assert states.commit(ENV, built(1))


def test_a_relation_that_is_not_there_is_forgotten_once(states: BuildStates) -> None:
    version = built_once(states).version
    assert not states.forget(ENV, ORDERS, "6.1.1")
    assert stored(states).version == version
    assert states.forget(ENV, ORDERS, version)
    left = stored(states)
    assert (left.version, dict(left.seen), dict(left.fingerprint), left.fence) == ("", {}, {}, 1)
    assert not states.forget(ENV, ORDERS, version)
    assert not states.forget(ENV, ORDERS, "")
    assert not states.forget(ENV, "model.shop.nobody", "")


@pytest.mark.parametrize("other", [FORMAT + 1, 0])
def test_a_record_of_another_format_says_so(states: BuildStates, other: int) -> None:
    states.record(ENV, built(0, format=other))
    assert stored(states).format == other
    hold = held(states)
    assert hold.before.format == other
    assert isinstance(states.hold(ENV, ORDERS, BOB), BuildState), "it is held all the same"
    assert states.commit(ENV, built(hold.fence))
    assert stored(states) == built(hold.fence), "a build makes it readable again"


def test_a_thousand_records_are_read_at_once(states: BuildStates) -> None:
    ids = [f"model.shop.m{number:04}" for number in range(1000)]
    for unique_id in ids[::3]:
        states.record(ENV, BuildState(unique_id, version=unique_id, seen={"a": "1"}))
    found = states.read(ENV, [*ids, *ids])
    assert sorted(found) == ids[::3]
    assert all(state.version == unique_id for unique_id, state in found.items())


def test_a_look_is_remembered_and_never_set_back(states: BuildStates) -> None:
    assert states.looked_at(ENV) == 0.0
    states.record_look(ENV, 1_767_225_600.5)
    states.record_look(ENV, 1_767_225_500.0)
    assert (states.looked_at(ENV), states.looked_at("staging")) == (1_767_225_600.5, 0.0)
    assert states.read(ENV, [ORDERS]) == {}


# What only DynamoDB can do to us


@pytest.mark.parametrize("after", [False, True])
def test_a_hold_and_a_commit_without_an_answer_may_be_asked_for_again(moto: MotoStage, after: bool) -> None:
    def cut_off() -> BuildStates:
        return DynamoDBBuildStates(Interrupted(boto3.client("dynamodb"), after=after), TABLE)  # type: ignore[arg-type]

    states = cut_off()
    with pytest.raises(UnavailableError):
        states.hold(ENV, ORDERS, ALICE)
    hold = held(states)
    assert hold.fence == (2 if after else 1)
    states = cut_off()
    with pytest.raises(UnavailableError):
        states.commit(ENV, built(hold.fence))
    assert states.commit(ENV, built(hold.fence))
    assert stored(states) == built(hold.fence)
    states = cut_off()
    with pytest.raises(UnavailableError):
        states.let_go(ENV, ORDERS, hold.fence)
    assert states.let_go(ENV, ORDERS, hold.fence)


def test_a_replacement_whose_answer_was_lost_is_still_suspicious(moto: MotoStage) -> None:
    built_once(moto.world.states)
    held(moto.world.states, BOB)
    states = DynamoDBBuildStates(Interrupted(boto3.client("dynamodb"), after=True), TABLE)  # type: ignore[arg-type]
    with pytest.raises(UnavailableError):
        states.hold(ENV, ORDERS, CAROL, instead_of=BOB)
    hold = held(states, CAROL, instead_of=BOB)
    assert (hold.before.holder, hold.before.status) == (CAROL, "error")


def test_a_build_costs_two_writes(moto: MotoStage) -> None:
    client = Failing(boto3.client("dynamodb"))
    states = DynamoDBBuildStates(client, TABLE)  # type: ignore[arg-type]
    hold = held(states)
    assert states.commit(ENV, built(hold.fence))
    assert client.requests == ["update_item", "update_item"]
    states.hold(ENV, ORDERS, BOB)
    held(states, CAROL, instead_of=BOB)
    assert len(client.requests) == 4


def test_a_model_with_two_hundred_upstreams_is_far_below_an_items_limit(moto: MotoStage) -> None:
    long = "model.a_project_with_a_long_name.a_model_with_a_long_name_" + "x" * 40
    names = [f"{long}_{number}" for number in range(200)]
    built_once(
        moto.world.states,
        seen=dict.fromkeys(names, "fivetran/a_connector@2026-01-01T00:00:00Z-0123456789"),
        fingerprint=dict.fromkeys(names, "0" * 64),
        pending=frozenset(names),
        failed=frozenset(names),
        message="!" * 100_000,
    )
    key = to_item({"pk": f"state#{ENV}", "sk": ORDERS})
    item = boto3.client("dynamodb").get_item(TableName=TABLE, Key=key)["Item"]
    assert len(str(item)) < 150_000
    assert len(stored(moto.world.states).seen) == 200


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"format": FORMAT, "version": "7.1.1", "someday": {"a": 1}, "fence": 3}, FORMAT),
        ({"format": FORMAT, "version": "7.1.1", "seen": "not JSON", "fence": 3}, 0),
        ({"format": FORMAT, "version": "7.1.1", "built_at": ["x"], "fence": 3}, 0),
        ({"version": "7.1.1", "fence": 3}, 0),
    ],
)
def test_unknown_attributes_are_ignored_and_the_unreadable_is_no_state(
    moto: MotoStage, attributes: dict[str, Any], expected: int
) -> None:
    item = to_item({"pk": f"state#{ENV}", "sk": ORDERS, "holder": ALICE, **attributes})
    boto3.client("dynamodb").put_item(TableName=TABLE, Item=item)
    found = stored(moto.world.states)
    assert (found.format, found.holder, found.fence) == (expected, ALICE, 3)
    assert found.version == ("7.1.1" if expected else "")
