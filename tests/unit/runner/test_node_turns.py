"""A node's turn while other things happen to the step; dbt's part is given."""

from threading import local
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.schemas.results import NodeStatus

from headgate.domain.build_state import BuildState, Hold
from headgate.domain.decision import Action, Decision, Reason
from headgate.domain.queue import Claim
from headgate.domain.results import NodeResult
from headgate.domain.slots import Holder
from headgate_runner.attempts import Attempts
from headgate_runner.fail_fast import MESSAGE
from headgate_runner.node_turns import NodeTurns
from headgate_runner.share import Share
from tests.plans import plan_of

NODE = SimpleNamespace(unique_id="a", is_ephemeral_model=False)
CONFLICT = "could not serialize access due to concurrent update"


class Step:
    """One node's turn in a step that fails fast: `culprit` is what failed. `build` is dbt's part, `pause` waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.culprit: str | None = None
        self.built = 0
        plan = plan_of({"a": ()})
        log = SimpleNamespace(write=lambda *_: None)
        queue = SimpleNamespace(hold=lambda *_: self.pause(), use_fewer_threads=lambda: None)
        share: Any = SimpleNamespace(plan=plan, log=log)
        turns: Any = NodeTurns.__new__(NodeTurns)
        turns._here, turns._engine = local(), SimpleNamespace(build_node=lambda *_: self.build())
        turns._attempts = Attempts(share, queue, SimpleNamespace())  # type: ignore[arg-type]
        turns._fail_fast = SimpleNamespace(
            forbids=lambda node: self.culprit not in (None, node),
            cancels=lambda node, results: self.culprit not in (None, node) and results[-1].status == "error",
            is_culprit=lambda node: self.culprit == node,
            begun=lambda: self.culprit is not None,
            skipped=lambda node: SimpleNamespace(status=NodeStatus.Skipped, message=MESSAGE, node=node),
        )
        monkeypatch.setattr("headgate_runner.node_turns.keep_batches", lambda *_: None)
        self.turns = turns

    def pause(self) -> None:
        """Nothing happens meanwhile."""

    def build(self) -> Any:
        self.built += 1
        return SimpleNamespace(status=NodeStatus.Error, message=CONFLICT)


def test_a_node_that_waits_for_its_next_attempt_is_skipped_when_another_one_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Step(monkeypatch)

    def fail_elsewhere() -> None:
        step.culprit = "b"

    step.pause = fail_elsewhere  # type: ignore[method-assign]
    result = step.turns._build(Claim("a", False, 1), NODE, None)
    assert (str(result.status), result.message, step.built) == ("skipped", MESSAGE, 1)


def test_the_first_failure_itself_goes_on_with_its_attempts(monkeypatch: pytest.MonkeyPatch) -> None:
    step = Step(monkeypatch)
    step.culprit = "a"
    assert step.turns._build(Claim("a", False, 1), NODE, None).message == CONFLICT
    assert step.built > 1


def test_a_failure_whose_record_was_lost_is_repeated_only_if_it_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    step = Step(monkeypatch)
    step.culprit = "a"
    step.turns._attempts._may_repeat = lambda _planned: False
    monkeypatch.setattr(
        "headgate_runner.attempts.RunResult.from_node",
        lambda _node, status, message: SimpleNamespace(status=status, message=message),
    )
    result = step.turns._skip(Claim("a", True, 2, uncertain=True), NODE, None)
    assert "may have written already" in result.message
    assert step.built == 0


class Session:
    """What the queue's session says of a claim, and what it is told. decision: of another run's build."""

    def __init__(self, decision: Decision | None = None, *, beside_others: bool = False) -> None:
        self.decision, self.beside_others = decision, beside_others
        self.told: list[tuple[str, Any]] = []

    def decide_again(self, _claim: Claim) -> Decision | None:
        return self.decision

    def is_beside_others(self, _unique_id: str) -> bool:
        return self.beside_others

    def finish(self, unique_id: str, result: Any) -> None:
        self.told.append((unique_id, result))


def turn(session: Session, claim: Claim) -> tuple[NodeTurns, list[str]]:
    """The whole turn of a claim; what was built."""
    built: list[str] = []
    node = SimpleNamespace(unique_id="a", is_ephemeral_model=False, resource_type="model")
    turns: Any = NodeTurns.__new__(NodeTurns)
    turns._here, turns._lost, turns._queue = local(), {}, session
    share: Any = Share.__new__(Share)
    given: dict[str, Any] = {
        "session": SimpleNamespace(
            decide_again=session.decide_again, is_beside_others=session.is_beside_others, epoch=1
        ),
        "log": SimpleNamespace(write=lambda *_: None),
        "settings": SimpleNamespace(runner=3),
        "plan": SimpleNamespace(run_id=8, step=1),
    }
    for name, value in given.items():
        object.__setattr__(share, name, value)
    turns._share = share
    turns._attempts = SimpleNamespace(again=set())
    turns._engine = SimpleNamespace(planned={"a": SimpleNamespace(relation="analytics.a", batch=())})
    turns._node = lambda _: node
    turns._fail_fast = SimpleNamespace(look_at=lambda *_: None)
    turns._build = lambda *_: built.append("a")
    turns._record = lambda *_: None
    turns.take(claim, None)
    return turns, built


def held_after(holder: str = "", version: str = "") -> Claim:
    return Claim("a", False, 1, hold=Hold("a", 2, BuildState("a", holder=holder, version=version)))


def test_what_another_run_has_built_meanwhile_ends_as_reused_and_is_not_built() -> None:
    session = Session(Decision(Action.REUSE, Reason.NO_NEW_DATA, "run 7 built it"))
    _, built = turn(session, held_after(version="7.1.1"))
    [(unique_id, result)] = session.told
    assert isinstance(result, NodeResult)
    assert (unique_id, result.status, result.runner, built) == ("a", "reused", 3, [])
    assert result.entry["message"] == "no_new_data: run 7 built it"
    assert result.entry["relation_name"] == "analytics.a"


def test_a_build_beside_others_looks_again_at_what_is_there() -> None:
    turns, built = turn(Session(beside_others=True), held_after())
    assert (turns._attempts.again, turns._lost, built) == ({"a"}, {}, ["a"])
    turns, _ = turn(Session(), held_after())
    assert turns._attempts.again == set()


def test_the_sessions_of_the_lost_attempt_that_held_the_relation_are_known_by_their_name() -> None:
    turns, _ = turn(Session(beside_others=True), held_after(str(Holder(7, 2, 1, 5, "a"))))
    assert turns._lost == {"a": ("headgate-run-7.2.1.5",)}


def test_our_own_hold_that_was_asked_for_twice_is_no_lost_attempt() -> None:
    turns, _ = turn(Session(beside_others=True), held_after(str(Holder(8, 1, 3, 1, "a"))))
    assert turns._lost == {}
