"""Activities: paused, deactivated, and which due times were acted upon."""

from tests.contract.conftest import Stage


def test_nothing_is_known_of_a_job_at_first(stage: Stage) -> None:
    found = stage.world.activities.activity("finance")
    assert (found.paused, found.failures, found.deactivated_at, found.last_due) == ("", 0, None, 0.0)
    assert not found.is_off


def test_a_job_is_paused_and_resumed(stage: Stage) -> None:
    stage.world.activities.pause("finance", "by ana (warehouse moves)")
    assert stage.world.activities.activity("finance").paused == "by ana (warehouse moves)"
    assert stage.world.activities.activity("finance").is_off
    assert not stage.world.activities.activity("marketing").is_off
    stage.world.activities.resume("finance")
    assert not stage.world.activities.activity("finance").is_off


def test_a_job_without_that_many_failures_is_not_deactivated(stage: Stage) -> None:
    assert not stage.world.activities.deactivate("finance", 1, "2026-01-31T06:00:00.000+00:00")
    assert stage.world.activities.activity("finance").deactivated_at is None


def test_a_due_time_is_acted_upon_once_and_time_never_goes_back(stage: Stage) -> None:
    activities = stage.world.activities
    assert activities.record_due("finance", 2_000.0)
    assert not activities.record_due("finance", 2_000.0)
    assert not activities.record_due("finance", 1_000.0)
    assert activities.record_due("finance", 3_000.0)
    assert activities.activity("finance").last_due == 3_000.0


def test_many_jobs_are_asked_about_at_once(stage: Stage) -> None:
    stage.world.activities.pause("finance", "by ana")
    stage.world.activities.record_due("nightly", 1_000.0)
    names = ["finance", "nightly", *(f"job-{number}" for number in range(120))]
    found = stage.world.activities.activities(names)
    assert list(found) == names
    assert (found["finance"].paused, found["nightly"].last_due, found["job-119"].is_off) == (
        "by ana",
        1_000.0,
        False,
    )
    assert stage.world.activities.activities([]) == {}
