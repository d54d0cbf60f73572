"""Lengths of time: what is written is what was read."""

from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.time_span import LONGEST_SECONDS, seconds_of, span_of


@given(st.integers(1, int(LONGEST_SECONDS)))
def test_what_is_written_reads_the_same(seconds: int) -> None:
    assert seconds_of(span_of(seconds)) == seconds


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert span_of(0.0) == "0"
