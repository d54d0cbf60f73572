"""What an end means: the step's fault is a record, this process' own is not."""

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
from headgate_runner.leaving import is_record
from headgate_runner.supervision import StoppedBySignal
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
