"""What becomes of a turn whose dbt ended before it was done."""

from types import SimpleNamespace
from typing import Any

import pytest

from headgate.domain.command import Command
from headgate.domain.plan import COMMAND
from headgate_runner.command_engine.turn import CommandTurn


@pytest.mark.parametrize(
    ("command", "broke_off", "uncertain"),
    [
        ("dbt build", False, []),
        ("dbt build", True, [COMMAND]),
        ("dbt run-operation tidy", False, [COMMAND]),
    ],
)
def test_a_turn_goes_back_as_uncertain_where_nobody_knows_what_was_written(
    command: str, broke_off: bool, uncertain: list[str]
) -> None:
    returned: list[str] = []

    def hand_back(_run: int, _step: int, unique_id: str, **how: Any) -> None:
        assert how == {"runner": 1, "epoch": 2, "uncertain": True}
        returned.append(unique_id)

    plan = SimpleNamespace(run_id=7, step=1, command=Command.parse(command))
    share: Any = SimpleNamespace(
        plan=plan, settings=SimpleNamespace(runner=1), session=SimpleNamespace(epoch=2),
        world=SimpleNamespace(queue=SimpleNamespace(hand_back=hand_back)),
    )  # fmt: skip
    turn = CommandTurn(share, SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
    turn._process = SimpleNamespace(returncode=1, broke_off=broke_off)  # type: ignore[assignment]
    turn.stop("the runner ends")
    assert returned == uncertain
