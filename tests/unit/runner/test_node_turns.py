"""A node's turn while other things happen to the step; dbt's part is given."""

from threading import local
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.schemas.results import NodeStatus

from headgate.domain.queue import Claim
from headgate_runner.attempts import Attempts
from headgate_runner.fail_fast import MESSAGE
from headgate_runner.node_turns import NodeTurns
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
