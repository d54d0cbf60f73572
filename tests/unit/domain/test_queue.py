"""Which claims of a runner count for nothing, by its lease alone."""

import pytest

from headgate.domain.queue import RunnerRecord, void_epochs


@pytest.mark.parametrize(
    ("lease", "void"),
    [
        (RunnerRecord(1, epoch=1, until=60.0), {}),
        # It ended by itself and may have left a claim behind; nobody raised its epoch.
        (RunnerRecord(1, epoch=1, until=60.0, ended=True), {1: 2}),
        (RunnerRecord(1, epoch=2, until=60.0), {1: 2}),
        (RunnerRecord(1, epoch=2, until=60.0, ended=True), {1: 3}),
    ],
)
def test_claims_below_the_epoch_of_a_lease_are_void_and_those_of_an_ended_one(
    lease: RunnerRecord, void: dict[int, int]
) -> None:
    assert void_epochs([lease]) == void
