"""What an end means: the step's fault is a record, this process' own is not."""

from types import SimpleNamespace
from typing import Any

import pytest

from headgate.errors import (
    ConflictError,
    InputError,
    LeaseLostError,
    NotFoundError,
    PlanError,
    UnavailableError,
)
from headgate_runner.invocation import DbtFailedError
from headgate_runner.leaving import LONGEST_REASON, Leaving, is_record
from headgate_runner.redaction import Redactor
from headgate_runner.supervision import DbtKilledError, StoppedBySignal, TooLittleMemoryError
from headgate_runner.surface import UnsupportedDbtError


@pytest.mark.parametrize(
    ("fault", "record"),
    [
        (DbtFailedError("Database Error"), True),
        (UnsupportedDbtError("dbt-core 2.0"), True),
        (InputError("not a zip"), True),
        (NotFoundError("no bundle"), True),
        (PlanError("no plan"), True),
        (LeaseLostError("taken over"), False),
        (UnavailableError("away"), False),
        (ConflictError("first"), False),
        (StoppedBySignal(15), False),
        (RuntimeError("a bug"), False),
    ],
)
def test_what_the_step_is_to_blame_for_is_a_record(fault: BaseException, record: bool) -> None:
    assert is_record(fault) is record


class Runner:
    """A runner that leaves; what the queue hears of it."""

    def __init__(self) -> None:
        self.stopped: list[str] = []
        self.halted: list[str] = []
        self.ended: list[str | None] = []
        building = SimpleNamespace(stopped=False, stop=self.stopped.append)
        world = SimpleNamespace(queue=SimpleNamespace(halt=lambda _run, _step, why: self.halted.append(why)))
        settings = SimpleNamespace(run_id=7, step=1, runner=1)
        log = SimpleNamespace(write=lambda *_: None)
        parts: Any = (settings, world, Redactor(["hush-hush"]), log, SimpleNamespace(building=building))
        self.leaving = Leaving(*parts)
        session: Any = SimpleNamespace(hand_back=lambda: ["a"], end=lambda why=None: self.ended.append(why))
        self.leaving.session = session


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (None, 0),
        (RuntimeError("a bug"), 1),
        (StoppedBySignal(15), 143),
        (LeaseLostError("taken over"), 75),
        # With 137 the state machine asks for more memory; another signal says nothing of memory.
        (DbtKilledError(9), 137),
        (DbtKilledError(11), 1),
        (TooLittleMemoryError("model.a"), 137),
    ],
)
def test_the_exit_code_says_what_the_state_machine_is_to_do(fault: BaseException | None, code: int) -> None:
    one = Runner()
    assert one.leaving.leave(fault) == code
    assert one.halted == []
    assert len(one.stopped) == (fault is not None)
    # A lost lease is somebody else's to end.
    assert len(one.ended) == (code != 75)


def test_what_is_written_down_of_an_end_is_short_and_has_no_secret() -> None:
    one = Runner()
    assert one.leaving.leave(DbtFailedError(f"hush-hush {'x' * 5000}")) == 0
    assert one.leaving.leave(RuntimeError(f"hush-hush {'x' * 5000}")) == 1
    for reason in (one.halted[0], one.ended[-1]):
        assert reason is not None
        assert "*****" in reason
        assert "hush-hush" not in reason
        assert len(reason) <= LONGEST_REASON
