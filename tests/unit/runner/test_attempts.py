"""Which failure gets another attempt, after which pause; dbt's results, an invented dbt."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from dbt.artifacts.schemas.results import NodeStatus

from headgate.domain.error_class import BUILT_IN, ErrorClass
from headgate.domain.job import RetryPolicy
from headgate.domain.queue import Claim
from headgate_runner.attempts import MOST_ATTEMPTS, Attempts, forget_compiled
from headgate_runner.supervision import TooLittleMemoryError
from tests.plans import plan_of

CONFLICT = "Database Error in model a\n  could not serialize access due to concurrent update"
NETWORK = "Database Error in model a\n  server closed the connection unexpectedly"
THROTTLED = "Database Error\n  429 Too Many Requests"
WRONG = "Database Error in model a\n  division by zero"


def said(status: str, message: str = "") -> Any:
    return SimpleNamespace(status=NodeStatus(status), message=message)


class Building:
    """One node's attempts, whose results are given; everything that Attempts tells others."""

    def __init__(
        self,
        *results: Any,
        retries: RetryPolicy | None = None,
        classes: Sequence[ErrorClass] = (),
        **planned: Any,
    ) -> None:
        plan = plan_of({"a": ()})
        node = replace(plan.nodes[0], **planned)
        plan = replace(plan, nodes=(node,), retries=retries or RetryPolicy(), error_classes=tuple(classes))
        self.results, self.pauses, self.fewer, self.cancelled = list(results), [], 0, []  # type: ignore[var-annotated]
        self.lines: list[str] = []
        log = SimpleNamespace(write=lambda _level, message, _node=None: self.lines.append(message))
        queue = SimpleNamespace(
            hold=lambda _node, seconds: self.pauses.append(seconds), use_fewer_threads=self._fewer
        )
        sessions = SimpleNamespace(cancel_nodes=self.cancelled.append)
        self.attempts = Attempts(SimpleNamespace(plan=plan, log=log), queue, sessions, Random(1))  # type: ignore[arg-type]
        self.node = SimpleNamespace(unique_id="a", compiled=True)
        self.attached: Sequence[Any] = ()

    def _fewer(self) -> None:
        self.fewer += 1

    def build(self, **claim: Any) -> Any:
        given = Claim(**{"unique_id": "a", "skip": False, "attempt": 1} | claim)
        return self.attempts.result_of(self.node, lambda: self.results.pop(0), given, lambda: self.attached)


def test_a_success_is_the_result() -> None:
    one = Building(said("success"))
    assert one.build().status == "success"
    assert (one.pauses, one.lines, one.attempts.again) == ([], [], set())


def test_what_may_pass_is_tried_again_and_the_last_result_counts() -> None:
    one = Building(said("error", CONFLICT), said("error", NETWORK), said("success"))
    assert one.build().status == "success"
    assert [line.split(";")[0] for line in one.lines] == [
        "attempt 1 failed (lock_conflict)",
        "attempt 2 failed (network)",
    ]
    # What the failed attempts left behind is looked for before the next one.
    assert one.attempts.again == {"a"}


def test_the_most_attempts_are_one_more_than_the_retries() -> None:
    one = Building(*[said("error", CONFLICT)] * 9, retries=RetryPolicy(max=3))
    assert one.build().message == CONFLICT
    assert len(one.results) == 5


@pytest.mark.parametrize(
    "result",
    [said("error", WRONG), said("fail", "Got 1 result, configured to fail if != 0"), said("partial success")],
)
def test_what_will_not_pass_is_the_result_at_once(result: Any) -> None:
    one = Building(result)
    assert one.build() is result
    assert one.pauses == []


@pytest.mark.parametrize("status", ["skipped", "warn", "pass", "no-op"])
def test_what_is_no_failure_is_not_repeated_whatever_it_says(status: str) -> None:
    assert Building(said(status, CONFLICT)).build().status == status


def test_of_tests_that_share_a_turn_one_that_could_not_look_decides_before_one_that_found_something() -> None:
    one = Building(said("pass"), said("pass"), batch=("b", "c"))
    one.attached = [said("fail", "Got 1 result, configured to fail if != 0"), said("error", CONFLICT)]
    one.attempts._queue.hold = lambda *_: setattr(one, "attached", one.attached[:1])  # type: ignore[method-assign]
    assert one.build().status == "pass"
    assert one.lines[0].startswith("attempt 1 failed (lock_conflict)")
    assert one.results == []


def test_pauses_double_up_to_the_longest_and_are_spread() -> None:
    conflict = ErrorClass("mine", ("serialize",), retry=True, first_seconds=1, longest_seconds=3)
    one = Building(
        *[said("error", CONFLICT)] * 5, classes=[conflict], retries=RetryPolicy(max=4, on=("mine",))
    )
    one.build()
    assert len(set(one.pauses)) == 4
    for pause, whole in zip(one.pauses, (1, 2, 3, 3), strict=True):
        assert whole / 2 <= pause <= whole


SHORT = "Runtime Error in model a\n  MemoryError: Unable to allocate 2.00 GiB"


def test_what_needs_more_memory_is_left_to_a_larger_runner() -> None:
    one = Building(said("error", SHORT), retries=RetryPolicy(on=("out_of_memory",)))
    with pytest.raises(TooLittleMemoryError, match="a needs more memory"):
        one.build()
    assert one.pauses == []


@pytest.mark.parametrize("retries", [RetryPolicy(on=("out_of_memory",)), RetryPolicy()])
def test_what_no_larger_runner_helped_or_may_help_fails(retries: RetryPolicy) -> None:
    attempt = 3 if retries.on == ("out_of_memory",) else 1
    assert Building(said("error", SHORT), retries=retries).build(attempt=attempt).message == SHORT


def test_a_warehouse_out_of_memory_gets_fewer_threads_of_the_same_runner() -> None:
    full = "Database Error in model a\n  out of memory\n  DETAIL: Failed on request of size 8192."
    one = Building(said("error", full), said("success"), retries=RetryPolicy(on=("warehouse_memory",)))
    assert (one.build().status, one.fewer) == ("success", 1)


def test_attempts_that_do_not_count_leave_the_others_their_number() -> None:
    free = ErrorClass("free", ("free",), retry=True, counts=False)
    one = Building(
        *[said("error", "free")] * 3, said("error", CONFLICT), said("success"), classes=[free],
        retries=RetryPolicy(max=1, on=("free", "transient")),
    )  # fmt: skip
    assert one.build().status == "success"


def test_attempts_that_do_not_count_still_end() -> None:
    free = ErrorClass("free", ("free",), retry=True, counts=False)
    one = Building(*[said("error", "free")] * 99, classes=[free], retries=RetryPolicy(on=("free",)))
    assert one.build().status == "error"
    assert 99 - len(one.results) == MOST_ATTEMPTS


def test_a_warehouse_that_asks_for_less_gets_less_at_a_time() -> None:
    one = Building(
        said("error", THROTTLED), said("error", NETWORK), said("success"), retries=RetryPolicy(max=5)
    )
    one.build()
    assert one.fewer == 1


def test_a_unit_test_that_broke_is_a_failure_of_its_models_turn() -> None:
    one = Building()
    turns = [(said("skipped"), [said("error", NETWORK)]), (said("success"), [said("pass")])]

    def attempt() -> Any:
        result, one.attached = turns.pop(0)
        return result

    given = Claim("a", skip=False, attempt=1)
    assert one.attempts.result_of(one.node, attempt, given, lambda: one.attached).status == "success"
    assert len(one.pauses) == 1


def test_after_an_uncertain_end_a_node_that_writes_twice_is_not_repeated() -> None:
    assert Building(said("error", NETWORK), repeatable=False).build().message == NETWORK
    allowed = RetryPolicy(non_idempotent=True)
    again = Building(said("error", NETWORK), said("success"), repeatable=False, retries=allowed)
    assert again.build().status == "success"


def test_after_a_certain_end_a_node_that_writes_twice_is_repeated() -> None:
    assert Building(said("error", CONFLICT), said("success"), repeatable=False).build().status == "success"


def test_a_repeated_claim_looks_for_what_the_lost_runner_left() -> None:
    one = Building(said("success"))
    one.build(attempt=2)
    assert one.attempts.again == {"a"}


def test_the_time_limit_gives_the_result_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Building(retries=RetryPolicy(on=("transient",)), timeout_seconds=0.01)
    failed = said("error", "terminating connection due to administrator command")

    def attempt() -> Any:
        while not one.cancelled:
            pass
        return failed

    given = Claim("a", skip=False, attempt=1)
    assert one.attempts.result_of(one.node, attempt, given).message == "timed out after 0.01s"
    assert one.cancelled[0] == {"a"}
    # Although a connection that ends is otherwise of a class that is repeated.
    assert one.pauses == []


def test_who_succeeds_although_the_limit_passed_has_succeeded() -> None:
    one = Building(timeout_seconds=0.001)

    def attempt() -> Any:
        while not one.cancelled:
            pass
        return said("success")

    assert one.attempts.result_of(one.node, attempt, Claim("a", False, 1)).status == "success"


def test_a_node_is_compiled_anew() -> None:
    node = SimpleNamespace(
        compiled=True,
        compiled_code="x",
        extra_ctes_injected=True,
        extra_ctes=["x"],
        _pre_injected_sql="x",
        name="a",
    )
    forget_compiled(node)
    assert (node.compiled, node.compiled_code, node.extra_ctes_injected, node.extra_ctes) == (
        False,
        None,
        False,
        [],
    )
    assert (node._pre_injected_sql, node.name) == (None, "a")
    seed = SimpleNamespace(name="b")
    forget_compiled(seed)
    assert vars(seed) == {"name": "b"}


def test_the_classes_that_attempts_name_are_in_the_table() -> None:
    assert {"timeout", "test_failure", "network"} <= {one.name for one in BUILT_IN}
