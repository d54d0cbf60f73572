"""A due time is one text, however it was written."""

import pytest

from headgate.domain.due import due_at, due_cause, due_text
from headgate.errors import ScheduleError

SIX = 1_769_839_200.0


def test_a_due_time_is_written_as_the_scheduler_writes_it() -> None:
    assert due_text(SIX) == "2026-01-31T06:00:00Z"
    assert due_at("2026-01-31T06:00:00Z") == SIX
    assert due_cause(SIX).key == "2026-01-31T06:00:00Z"
    assert due_cause(SIX).kind == "schedule"
    assert due_cause(SIX).detail == "schedule, due 2026-01-31T06:00:00Z"


@pytest.mark.parametrize(
    "text",
    ["2026-01-31T07:00:00+01:00", "2026-01-31T06:00:00", "2026-01-31T06:00:00.400Z", "2026-01-31 06:00"],
)
def test_every_way_to_write_it_is_the_same_cause(text: str) -> None:
    assert due_cause(due_at(text)) == due_cause(SIX + 0.9) == due_cause(SIX)


@pytest.mark.parametrize("text", ["", "<aws.scheduler.scheduled-time>", "tomorrow", "2026-02-30T00:00:00Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ScheduleError, match="not a due time"):
        due_at(text)
