"""Jobs after jobs: cycles, and what counts as an end."""

import pytest

from headgate.domain.completion import awaited_kinds, counts_as_end, cycle_in
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Job
from headgate.domain.overrides import Overrides
from headgate.domain.run import Cause, Run, RunStatus


def job(name: str, *after: str, models: tuple[str, ...] = ()) -> Job:
    awaits = (*(Awaited("job", one) for one in after), *(Awaited("model", one) for one in models))
    return Job(name, "production", ("dbt build",), gates=(Gate("after", awaits),) if awaits else ())


def test_no_cycle() -> None:
    assert cycle_in([]) is None
    assert cycle_in([job("a"), job("b", "a"), job("c", "a", "b"), job("d", "of_another_project")]) is None


@pytest.mark.parametrize(
    ("jobs", "cycle"),
    [
        ([job("a", "a")], ["a", "a"]),
        ([job("a", "b"), job("b", "a")], ["a", "b", "a"]),
        ([job("a", models=("b/dim",)), job("b", models=("c/x",)), job("c", "a")], ["a", "c", "b", "a"]),
        ([job("z"), job("a", "c", "z"), job("b", "a"), job("c", "b")], ["a", "b", "c", "a"]),
    ],
)
def test_a_cycle_is_told_in_the_order_in_which_they_would_start(jobs: list[Job], cycle: list[str]) -> None:
    found = cycle_in(jobs)
    assert found is not None
    assert found[0] == found[-1]
    at = found.index(cycle[0])
    assert [*found[at:-1], *found[:at], cycle[0]][: len(cycle)] == cycle


def test_connectors_that_are_called_like_jobs_are_no_jobs() -> None:
    waits = Job(
        "a", "p", (), gates=(Gate("fivetran", (Awaited("fivetran", "a"), Awaited("webhook", "a/b"))),)
    )
    assert cycle_in([waits]) is None


def test_what_of_a_job_is_awaited() -> None:
    jobs = [job("a", "core"), job("b", models=("core/dim",)), job("c", "other")]
    assert awaited_kinds(jobs, "core") == {"job", "model"}
    assert awaited_kinds(jobs, "other") == {"job"}
    assert awaited_kinds(jobs, "dim") == frozenset()


def run(status: str, **fields: object) -> Run:
    made = Run(1, "core", "p", "", (), Cause("cli", "k"), RunStatus(status), "2026-01-01T00:00:00Z")
    return made.with_status(RunStatus(status), **fields)


@pytest.mark.parametrize(
    ("ended", "counts"),
    [
        (run("success", started_at="x"), True),
        (run("error"), True),
        (run("cancelled"), True),
        (run("cancelled", retry_of=7), True),
        (run("running"), False),
        (run("cancelled", superseded_by=2), False),
        (run("cancelled", error="skipped: run 3 was in progress (on_conflict: skip)"), False),
        (run("error", started_at="x", error="skipped: a word of dbt's"), True),
        (run("success", overrides=Overrides(schema="dev_alice")), False),
        (run("success", overrides=Overrides(vars='{"day":"2026-01-31"}')), False),
        (run("success", overrides=Overrides(threads=8, git_ref="main")), True),
    ],
)
def test_what_counts_as_an_end(ended: Run, counts: bool) -> None:
    assert counts_as_end(ended) is counts
