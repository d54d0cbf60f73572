"""jobs validate, plan, apply, pause, resume and list: every fault at once, what changes, and nothing twice."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest


def lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


def test_validate_needs_no_stack_and_tells_every_fault(headgate: Any, jobs_file: Path) -> None:
    good = headgate("jobs", "validate")
    assert good.exit_code == 0
    assert lines(good.stdout)[-1] == "✓ headgate.yml is valid: 1 environment, 2 jobs, 1 alert rule"
    jobs_file.write_text(jobs_file.read_text().replace("schedule:", "shedule:").replace("slack:", "slak:"))
    bad = headgate("jobs", "validate")
    assert bad.exit_code == 2
    assert lines(bad.stderr) == [
        "error headgate.yml:15 jobs.nightly.when.shedule: unknown key. Did you mean schedule?",
        "error headgate.yml:21 alerts[0].send[0].slak: unknown key. Did you mean slack?",
    ]
    assert headgate("jobs", "validate", "--file", "missing.yml").exit_code == 5


FIRST = [
    "+ environment production target prod · schema analytics",
    "+ job finance production · fivetran stripe",
    "+ job nightly production · at 06:00 on weekdays, Europe/Berlin",
    "+ alert rule tag finance → slack #finance-data",
]


@pytest.fixture
def empty(world: Any) -> Any:
    """Nothing is applied yet."""
    world.jobs._applied.clear()
    return world


@pytest.fixture
def applied(headgate: Any, empty: Any) -> Any:
    assert headgate("jobs", "apply").exit_code == 0
    return empty


def change(path: Path, *replaced: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in replaced:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


def without_nightly(path: Path) -> None:
    text = path.read_text()
    path.write_text(text[: text.index("  nightly:")] + text[text.index("alerts:") :])


def test_apply_says_what_changed_and_is_idempotent(headgate: Any, jobs_file: Path, empty: Any) -> None:
    first = headgate("jobs", "apply")
    assert first.exit_code == 0
    done = "✓ applied headgate.yml: 4 added, 0 changed, 0 removed · 1 schedule"
    assert lines(first.stdout) == [*FIRST, done]
    assert empty.scheduler.names("headgate.yml") == ["nightly"]
    again = headgate("jobs", "apply")
    assert lines(again.stdout) == ["✓ applied headgate.yml: nothing changed · 1 schedule"]

    without_nightly(jobs_file)
    change(jobs_file, ("[stripe]", "[stripe, salesforce]"), ("schema: analytics", "schema: lake"))
    assert lines(headgate("jobs", "apply").stdout) == [
        "~ environment production",
        "schema analytics → lake",
        "~ job finance",
        "when.fivetran.connectors stripe → stripe, salesforce",
        "- job nightly",
        "✓ applied headgate.yml: 0 added, 2 changed, 1 removed · 0 schedules",
    ]
    assert empty.scheduler.names("headgate.yml") == []
    assert [job.name for job in empty.jobs.jobs()] == ["finance"]


def test_plan_shows_it_writes_nothing_and_says_by_its_exit_code_whether_there_is_something_to_do(
    headgate: Any, empty: Any
) -> None:
    first = headgate("jobs", "plan", "--fires", "0")
    assert first.exit_code == 3
    assert lines(first.stdout) == [*FIRST, "headgate.yml: 4 to add, 0 to change, 0 to remove"]
    assert lines(first.stderr)[-1] == "Next: headgate jobs apply"
    assert (empty.jobs.jobs(), empty.scheduler.entries) == ([], {})
    assert headgate("jobs", "apply").exit_code == 0
    again = headgate("jobs", "plan", "--fires", "0")
    assert (again.exit_code, lines(again.stdout)) == (0, ["headgate.yml: nothing to do"])


def test_plan_shows_when_jobs_are_due_and_what_a_change_of_clocks_does(
    headgate: Any, applied: Any, jobs_file: Path
) -> None:
    applied.clock.advance(datetime(2026, 3, 27, 12, tzinfo=UTC).timestamp() - applied.clock.now())
    change(jobs_file, ("0 6 * * 1-5", "30 2 * * *"))
    result = headgate("jobs", "plan", "--fires", "3")
    shown = lines(result.stdout)
    at = shown.index("nightly is due: 30 2 * * * Europe/Berlin")
    assert shown[at + 1 : at + 4] == [
        "Sat 2026-03-28 02:30 +01:00 2026-03-28 01:30 UTC",
        "Sun 2026-03-29 03:00 +02:00 2026-03-29 01:00 UTC 02:30 does not exist on this day",
        "Mon 2026-03-30 02:30 +02:00 2026-03-30 00:30 UTC",
    ]
    assert (
        len([line for line in lines(headgate("jobs", "plan").stdout) if line.endswith(("UTC", "day"))]) == 10
    )
    assert not [
        line for line in lines(headgate("jobs", "plan", "--fires", "0").stdout) if line.endswith("UTC")
    ]


def test_of_many_jobs_only_those_that_change_show_when_they_are_due(
    headgate: Any, applied: Any, jobs_file: Path
) -> None:
    more = "".join(
        f"  job{n}: {{environment: production, when: {{schedule: {{every: 2h}}}}, run: [dbt build]}}\n"
        for n in range(9)
    )
    change(jobs_file, ("alerts:", more + "alerts:"))
    assert headgate("jobs", "apply").exit_code == 0
    change(jobs_file, ("0 6 * * 1-5", "0 7 * * 1-5"))
    due = [line for line in lines(headgate("jobs", "plan").stdout) if " is due: " in line]
    assert due == ["nightly is due: 0 7 * * 1-5 Europe/Berlin"]
    every = headgate("jobs", "plan", "--fires", "1")
    assert len([line for line in lines(every.stdout) if " is due: " in line]) == 10


def test_a_saved_plan_is_carried_out_once_and_as_it_was(headgate: Any, applied: Any, jobs_file: Path) -> None:
    change(jobs_file, ("schema: analytics", "schema: lake"))
    assert headgate("jobs", "plan", "--out", "plan.json").exit_code == 3
    assert headgate("jobs", "apply", "--plan", "plan.json").exit_code == 0
    assert applied.jobs.environment("production").schema == "lake"
    again = headgate("jobs", "apply", "--plan", "plan.json")
    assert again.exit_code == 2
    assert lines(again.stderr) == [
        "error plan.json is stale, so nothing was changed; make it again",
        "headgate.yml was applied since",
        "no longer: change environment production: schema analytics → lake",
    ]


def test_a_saved_plan_of_another_file_or_no_plan_is_refused(
    headgate: Any, applied: Any, jobs_file: Path
) -> None:
    change(jobs_file, ("schema: analytics", "schema: lake"))
    headgate("jobs", "plan", "--out", "plan.json")
    change(jobs_file, ("schema: lake", "schema: sea"))
    other = headgate("jobs", "apply", "--plan", "plan.json")
    assert (other.exit_code, applied.jobs.environment("production").schema) == (2, "analytics")
    assert "plan.json was made from other contents of headgate.yml" in other.stderr
    Path("plan.json").write_text('{"schema_version": 1, "plan": {"origin": 1}}')
    assert "plan.json is no plan" in headgate("jobs", "apply", "--plan", "plan.json").stderr
    assert headgate("jobs", "apply", "--plan", "missing.json").exit_code == 5


def test_a_plan_knows_schedules_that_were_changed_by_hand(headgate: Any, applied: Any) -> None:
    applied.scheduler.entries["headgate.yml"].clear()
    drifted = headgate("jobs", "plan", "--fires", "0")
    assert drifted.exit_code == 3
    assert lines(drifted.stdout)[-1] == "headgate.yml: schedules to bring in step"
    assert any("nightly" in line for line in lines(drifted.stdout))
    assert "schedules brought in step" in headgate("jobs", "apply").stdout
    assert headgate("jobs", "plan").exit_code == 0


@pytest.mark.parametrize(("answer", "exit_code", "jobs"), [("y", 0, 2), ("n", 1, 0), ("", 1, 0)])
def test_whoever_sits_at_a_terminal_is_asked(
    headgate: Any, empty: Any, monkeypatch: pytest.MonkeyPatch, answer: str, exit_code: int, jobs: int
) -> None:
    monkeypatch.setattr(sys.modules["headgate_cli.jobs.apply"], "_at_a_terminal", lambda: True)
    asked: list[str] = []
    monkeypatch.setattr("typer.confirm", lambda text, **_: asked.append(text) or answer == "y")
    assert headgate("jobs", "apply").exit_code == exit_code
    assert asked == ["Apply this (4 to add, 0 to change, 0 to remove)?"]
    assert len(empty.jobs.jobs()) == jobs
    assert headgate("jobs", "apply", "--yes").exit_code == 0
    assert len(asked) == 1
    assert headgate("jobs", "apply").exit_code == 0
    assert len(asked) == 1, "nothing to do is not asked about"


def test_a_file_with_faults_changes_nothing(headgate: Any, jobs_file: Path, world: Any) -> None:
    before = world.jobs.jobs()
    change(jobs_file, ("0 6 * * 1-5", "0 25 * * *"), ("finance:", "money:"))
    for command in ("apply", "plan"):
        result = headgate("jobs", command)
        assert result.exit_code == 2
        assert "headgate.yml:15" in result.stderr
    assert world.jobs.jobs() == before


def test_a_job_of_another_file_is_not_taken_over_unless_the_whole_file_is(
    headgate: Any, applied: Any
) -> None:
    for command in ("plan", "apply"):
        result = headgate("jobs", command, "--origin", "other")
        assert result.exit_code == 2
        assert "belong to headgate.yml" in result.stderr
        assert "--replaces headgate.yml" in result.stderr
    moved = headgate("jobs", "apply", "--origin", "other", "--replaces", "headgate.yml")
    assert moved.exit_code == 0
    assert {job["origin"] for job in listed(headgate)} == {"other"}
    assert applied.scheduler.names("headgate.yml") == []
    assert applied.scheduler.names("other") == ["nightly"]
    again = headgate("jobs", "plan", "--origin", "other", "--replaces", "headgate.yml")
    assert "nothing is applied as headgate.yml" in again.stderr


def listed(headgate: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(headgate("jobs", "list", "--json").stdout)["jobs"]
    return found


def test_two_dbt_projects_with_files_of_the_same_name(headgate: Any, applied: Any, tmp_path: Path) -> None:
    """The second one without a project key is refused; with it both live side by side."""
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    change(tmp_path / "headgate.yml", ("owner: data@example.com", "owner: shop@example.com"))
    assert headgate("jobs", "apply").exit_code == 0
    bank = tmp_path / "bank"
    bank.mkdir()
    (bank / "dbt_project.yml").write_text("name: bank\n")
    file = bank / "headgate.yml"
    file.write_text(
        "version: 1\nenvironments:\n  vault: {target: prod, schema: bank}\n"
        "jobs:\n  ledger: {environment: vault, run: [dbt build]}\n"
    )
    refused = headgate("jobs", "apply", "--file", str(file))
    assert refused.exit_code == 2
    assert "was applied from the dbt project 'shop'" in refused.stderr
    assert "(project: bank)" in refused.stderr
    file.write_text("project: bank\n" + file.read_text())
    assert headgate("jobs", "apply", "--file", str(file)).exit_code == 0
    assert headgate("jobs", "plan").exit_code == 0
    shown = [line.split()[0] for line in lines(headgate("jobs", "list").stdout)]
    assert shown == ["bank", "job", "ledger", "headgate.yml", "job", "finance", "nightly"]
    assert {job["name"]: job["origin"] for job in listed(headgate)} == {
        "finance": "headgate.yml",
        "ledger": "bank",
        "nightly": "headgate.yml",
    }


def test_plan_and_apply_as_objects(headgate: Any, empty: Any) -> None:
    result = headgate("jobs", "plan", "--json", "--fires", "1")
    plan = json.loads(result.stdout)
    assert (result.exit_code, plan["schema_version"], plan["has_changes"]) == (3, 1, True)
    assert [change["name"] for change in plan["plan"]["changes"] if change["kind"] == "job"] == [
        "finance",
        "nightly",
    ]
    assert list(plan["fires"]["nightly"][0]) == ["at", "local", "note"]
    applied = json.loads(headgate("jobs", "apply", "--json").stdout)
    assert applied["schema_version"] == 1
    assert applied["plan"]["changes"] == plan["plan"]["changes"]
    assert applied["schedules"] == ["nightly"]


def test_a_job_is_paused_and_resumed(headgate: Any, world: Any) -> None:
    paused = headgate("jobs", "pause", "nightly", "--reason", "the  warehouse moves")
    assert paused.exit_code == 0
    assert "(the warehouse moves)" in paused.stdout
    shown = {job["name"]: job for job in listed(headgate)}
    assert shown["nightly"]["state"].endswith("(the warehouse moves)")
    assert (shown["nightly"]["is_off"], shown["nightly"]["next_due"], shown["finance"]["state"]) == (
        True,
        None,
        "active",
    )
    assert "job nightly is paused" in headgate("jobs", "plan").stderr
    assert headgate("jobs", "resume", "nightly").stdout == "✓ nightly starts by itself again\n"
    assert not world.activities.activity("nightly").is_off
    assert headgate("jobs", "resume", "nightly").stdout == "✓ nightly was not paused\n"


def test_resume_switches_on_what_failures_switched_off(headgate: Any, world: Any) -> None:
    for _ in range(3):
        world.activities.count("finance", failed=True)
    assert world.activities.deactivate("finance", 3, "2026-01-31T06:00:00.000+00:00")
    assert {job["name"]: job["state"] for job in listed(headgate)}["finance"] == "off after 3 failures"
    assert headgate("jobs", "resume", "finance").exit_code == 0
    assert {job["name"]: job["state"] for job in listed(headgate)}["finance"] == "active"


def test_what_the_file_pauses_is_resumed_in_the_file(headgate: Any, applied: Any, jobs_file: Path) -> None:
    change(jobs_file, ("    owner: data@example.com", "    owner: data@example.com\n    paused: true"))
    assert headgate("jobs", "apply").exit_code == 0
    refused = headgate("jobs", "resume", "nightly")
    assert refused.exit_code == 2
    assert "paused by headgate.yml (jobs.nightly.paused: true)" in refused.stderr
    assert {job["name"]: job["state"] for job in listed(headgate)}["nightly"] == "paused in the file"


@pytest.mark.parametrize("command", ["pause", "resume"])
def test_a_name_that_does_not_exist_gives_the_nearest(headgate: Any, command: str) -> None:
    result = headgate("jobs", command, "nigthly")
    assert result.exit_code == 5
    assert "did you mean nightly?" in result.stderr


def test_list_shows_state_next_due_and_last_run(headgate: Any, applied: Any, play: Any) -> None:
    played = play()
    rows = lines(headgate("jobs", "list").stdout)
    assert rows[0] == "job environment when state next due last run"
    assert rows[1] == f"finance production fivetran stripe active … queued {played.run.run_id}"
    assert rows[2].startswith("nightly production at 06:00 on weekdays, Europe/Berlin active 20")
    assert rows[2].endswith("Europe/Berlin")


def test_what_is_missing_comes_next(headgate: Any, world: Any) -> None:
    assert lines(headgate("jobs", "apply").stderr)[-1] == "Next: headgate run finance"
    world.jobs._bundles.clear()
    assert lines(headgate("jobs", "apply").stderr)[-1] == "Next: headgate publish --environment production"


def test_of_many_differences_the_first_are_told(headgate: Any, jobs_file: Path, empty: Any) -> None:
    many = "".join(
        f'  nightly{n}: {{environment: production, run: [dbt build], when: {{schedule: {{cron: "{n} 6 * * *"}}}}}}\n'
        for n in range(30)
    )
    change(jobs_file, ("jobs:\n", f"jobs:\n{many}"))
    assert headgate("jobs", "apply").exit_code == 0
    empty.scheduler.entries.clear()
    told = [line for line in lines(headgate("jobs", "plan").stdout) if line.startswith("!")]
    assert len(told) == 21
    assert told[-1] == "! … and 11 more differences: --json tells them all"


def test_a_text_of_several_lines_stays_in_its_line(headgate: Any, jobs_file: Path, applied: Any) -> None:
    change(jobs_file, ("owner: data@example.com", 'description: "one\\ntwo\\e[31m\\u202e"'))
    told = lines(headgate("jobs", "plan").stdout)
    assert "description (none) → one\\ntwo\\x1b[31m\\u202e" in told
