"""run: what may be wished beside a job's name, checked as the API does, and its notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from headgate.domain.declared_var import DeclaredVar
from headgate.domain.job import JobsFile

Asked = Callable[..., dict[str, Any]]


@pytest.fixture
def declaring(world: Any) -> Any:
    """The job declares variables, and a branch was published."""
    declared = (DeclaredVar("day", "date"), DeclaredVar("full", "bool"))
    jobs = tuple(replace(job, vars=declared) for job in world.jobs.jobs())
    world.jobs.apply(JobsFile((world.jobs.environment("production"),), jobs, ()))
    world.jobs.point_at("production", "cd" * 32, ("dev",))
    world.jobs.point_at("production", "ab" * 32)
    return world


def test_wishes_are_the_run_s(declaring: Any, asked: Asked) -> None:
    words = ["--step", "dbt run", "--step", "dbt test", "--schema", "ci_1", "--threads", "2"]
    words += ["--var", "day=2026-01-31", "--var", "full=true", "--git-ref", "dev"]
    found = asked("run", "finance", "--no-watch", *words)["run"]
    assert (found["steps"], found["bundle"]) == (["dbt run", "dbt test"], "cd" * 32)
    kept = declaring.runs.get_run(1).overrides
    assert (kept.schema, kept.threads, kept.git_ref) == ("ci_1", 2, "dev")
    assert kept.vars == '{"day": "2026-01-31", "full": true}'
    assert declaring.runs.get_run(1).on_conflict == "queue_all"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("--step", "dbt biuld"), 2, "did you mean dbt build?"),
        (("--schema", "a-b"), 2, "letters, digits and _"),
        (("--threads", "300"), 2, "1 to 256"),
        (("--var", "dai=1"), 2, "has no variable 'dai'"),
        (("--var", "day"), 2, "write it as name=value"),
        (("--var", "full=maybe"), 2, "is not a truth value"),
        (("--git-ref", "mian"), 1, "known are dev"),
    ],
)
def test_what_is_wrong_makes_nothing(
    declaring: Any, headgate: Any, words: tuple[str, ...], code: int, message: str
) -> None:
    result = headgate("run", "finance", "--no-watch", *words)
    assert (result.exit_code, declaring.runs.list_runs()) == (code, [])
    assert message in " ".join(result.stderr.split())


def test_a_key_makes_one_run(headgate: Any, world: Any) -> None:
    for _ in range(2):
        result = headgate("run", "finance", "--no-watch", "--key", "night 1")
        assert result.exit_code == 0
    assert "made run 1 before" in result.stderr
    assert len(world.runs.list_runs()) == 1
    result = headgate("run", "finance", "--no-watch", "--key", "night 1", "--no-reuse")
    assert (result.exit_code, "from another request" in " ".join(result.stderr.split())) == (1, True)


def test_a_paused_job_is_started_by_hand_with_a_note(headgate: Any, world: Any) -> None:
    world.activities.pause("finance", "by ana (month end)")
    result = headgate("run", "finance", "--no-watch")
    assert (result.exit_code, "by ana (month end)" in " ".join(result.stderr.split())) == (0, True)
    assert len(world.runs.list_runs()) == 1
