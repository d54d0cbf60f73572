"""The three numbers that tell a runner who it is."""

import pytest

from headgate.errors import InputError, NotFoundError
from headgate_runner.settings import RunnerSettings

GIVEN = {"HEADGATE_RUN_ID": "12", "HEADGATE_STEP": "1", "HEADGATE_RUNNER": "2"}


def test_the_numbers_are_read() -> None:
    assert RunnerSettings.from_environment(GIVEN) == RunnerSettings(12, 1, 2)


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_missing_one_is_named(name: str) -> None:
    with pytest.raises(NotFoundError, match=name):
        RunnerSettings.from_environment({other: text for other, text in GIVEN.items() if other != name})


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "one", "\u00b2"])
def test_what_is_not_a_number_from_one_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="HEADGATE_RUNNER"):
        RunnerSettings.from_environment(GIVEN | {"HEADGATE_RUNNER": text})


def test_how_long_a_notice_is_may_be_said() -> None:
    assert RunnerSettings.from_environment(GIVEN).stop_seconds == 120
    assert RunnerSettings.from_environment(GIVEN | {"HEADGATE_STOP_SECONDS": "30"}).stop_seconds == 30
    with pytest.raises(InputError, match="HEADGATE_STOP_SECONDS"):
        RunnerSettings.from_environment(GIVEN | {"HEADGATE_STOP_SECONDS": "soon"})
