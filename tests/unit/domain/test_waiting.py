"""What a queued run is told: who is in the way, for how long as far as anybody knows, and why."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from headgate.domain.run import Cause, Run, RunStatus
from headgate.domain.run_queue import Limits
from headgate.domain.waiting import LATEST, Wait, usual_seconds, waits

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
NOW = BEGAN.timestamp() + 240
USUAL = {"finance": 600.0}


def a_run(run_id: int, status: RunStatus = RunStatus.QUEUED, job: str = "finance", **more: object) -> Run:
    run = Run(run_id, job, "production", "d", (), Cause("api", str(run_id)), status, BEGAN.isoformat())
    started = BEGAN.isoformat() if status is RunStatus.RUNNING else None
    return replace(run, started_at=started, **more)  # type: ignore[arg-type]


RUNNING = a_run(812, RunStatus.RUNNING)


def told(*runs: Run, limits: Limits | None = None, usual: dict[str, float] | None = None) -> dict[int, Wait]:
    return waits(runs, lambda _: limits or Limits(), USUAL if usual is None else usual, NOW)


def test_it_waits_for_the_run_that_is_in_progress() -> None:
    wait = told(RUNNING, a_run(813))[813]
    assert wait == Wait(1, "one run of finance at a time", 812, 360.0)
    assert wait.sentence == "waits for run 812, about 6 min (one run of finance at a time)"


def test_later_ones_wait_for_those_before_them() -> None:
    found = told(RUNNING, a_run(813), a_run(814), a_run(815, priority=1))
    assert {run_id: (w.position, w.waits_for, w.seconds) for run_id, w in found.items()} == {
        815: (1, 812, 360.0),
        813: (2, 815, 960.0),
        814: (3, 813, 1560.0),
    }
    assert (
        found[814].sentence
        == "waits for run 813, about 26 min (one run of finance at a time; number 3 in line)"
    )


@pytest.mark.parametrize("usual", [{}, {"finance": 100.0}])
def test_without_history_or_past_it_no_number_is_invented(usual: dict[str, float]) -> None:
    found = told(RUNNING, a_run(813), usual=usual)
    assert (found[813].waits_for, found[813].seconds) == (812, None)
    assert found[813].sentence == "waits for run 812 (one run of finance at a time)"


def test_who_has_a_place_starts_in_a_moment() -> None:
    assert told(a_run(813))[813] == Wait(1, "it starts in a moment")
    assert told(RUNNING, a_run(813), limits=Limits(job=2))[813].waits_for is None


def test_other_jobs_are_in_the_way_where_their_environment_or_the_stack_has_a_limit() -> None:
    other = a_run(812, RunStatus.RUNNING, "core")
    runs = (other, a_run(813))
    assert told(*runs)[813].waits_for is None
    usual = {"core": 300.0}
    assert told(*runs, limits=Limits(environment=1), usual=usual)[813] == Wait(
        1, "one run in production at a time", 812, 60.0
    )
    more = told(*runs, a_run(811, RunStatus.STARTING, "x"), limits=Limits(account=2), usual=usual)
    assert more[813] == Wait(1, "2 runs in all at a time", 812, 60.0)


def test_whoever_is_first_in_line_goes_first_whatever_place_it_waits_for() -> None:
    runs = (a_run(812, RunStatus.RUNNING, "core"), a_run(813), a_run(814, job="core"), a_run(815))
    found = told(*runs, limits=Limits(environment=1), usual={"core": 300.0, "finance": 600.0})
    # 814 is next among those of core; the place in production it shares with everybody.
    assert {run_id: (w.position, w.waits_for, w.seconds) for run_id, w in found.items()} == {
        813: (1, 812, 60.0),
        814: (1, 813, 660.0),
        815: (3, 814, 960.0),
    }
    assert (found[814].reason, found[815].reason) == (
        "one run of core at a time",
        "one run in production at a time",
    )


def test_one_that_is_to_be_cancelled_says_so() -> None:
    found = told(RUNNING, a_run(813, cancel="by ana"), a_run(814))
    assert found[813].sentence == "cancelled by ana; it ends within a minute"
    assert found[814].position == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1.0, "5 s"), (42.0, "40 s"), (50.0, "1 min"), (80.0, "1 min"), (100.0, "2 min"), (3_600.0, "60 min")],
)
def test_times_are_rounded(seconds: float, words: str) -> None:
    assert f"about {words} (" in Wait(1, "so it is", 812, seconds).sentence


def test_what_a_job_usually_takes_is_the_median_of_its_successes() -> None:
    def ended(run_id: int, status: RunStatus, seconds: float) -> Run:
        run = a_run(run_id, RunStatus.RUNNING)
        return replace(run, status=status, finished_at=(BEGAN + timedelta(seconds=seconds)).isoformat())

    runs = [ended(1, RunStatus.SUCCESS, 10), ended(2, RunStatus.ERROR, 1), ended(3, RunStatus.SUCCESS, 40)]
    assert usual_seconds([*runs, ended(4, RunStatus.SUCCESS, 20), RUNNING]) == {"finance": 20.0}
    latest = [
        ended(number, RunStatus.SUCCESS, 10 if number <= LATEST // 2 else 30) for number in range(1, 99)
    ]
    assert usual_seconds(latest) == {"finance": 20.0}
