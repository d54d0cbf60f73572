"""jobs validate, apply and list: every fault at once, what changed, and nothing twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


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


def test_apply_says_what_changed_and_is_idempotent(headgate: Any, jobs_file: Path, world: Any) -> None:
    world.jobs._applied.clear()
    first = headgate("jobs", "apply")
    assert first.exit_code == 0
    assert lines(first.stdout) == [
        "+ environment production",
        "+ job finance",
        "+ job nightly",
        "+ alert rules all",
        "✓ applied headgate.yml: 4 added, 0 changed, 0 removed · 1 schedule",
    ]
    assert world.scheduler.names("headgate.yml") == ["nightly"]
    again = headgate("jobs", "apply")
    assert lines(again.stdout) == ["✓ applied headgate.yml: nothing changed · 1 schedule"]

    text = jobs_file.read_text()
    start, end = text.index("  nightly:"), text.index("alerts:")
    text = text[:start] + text[end:]
    jobs_file.write_text(
        text.replace("[stripe]", "[stripe, salesforce]").replace("schema: analytics", "schema: lake")
    )
    assert lines(headgate("jobs", "apply").stdout) == [
        "~ environment production schema analytics → lake",
        "~ job finance fivetran stripe → stripe, salesforce",
        "- job nightly",
        "✓ applied headgate.yml: 0 added, 2 changed, 1 removed · 0 schedules",
    ]
    assert world.scheduler.names("headgate.yml") == []
    assert [job.name for job in world.jobs.jobs()] == ["finance"]


def test_a_file_with_faults_changes_nothing(headgate: Any, jobs_file: Path, world: Any) -> None:
    before = world.jobs.jobs()
    jobs_file.write_text(
        jobs_file.read_text().replace("0 6 * * 1-5", "0 25 * * *").replace("finance:", "money:")
    )
    result = headgate("jobs", "apply")
    assert result.exit_code == 2
    assert "headgate.yml:15" in result.stderr
    assert world.jobs.jobs() == before


def test_a_job_of_another_file_is_not_taken_over(headgate: Any) -> None:
    result = headgate("jobs", "apply", "--origin", "other")
    assert result.exit_code == 1
    assert "belongs to headgate.yml" in result.stderr
    assert "Traceback" not in result.stderr


def test_apply_and_list_as_objects(headgate: Any, world: Any) -> None:
    world.jobs._applied.clear()
    applied = json.loads(headgate("jobs", "apply", "--json").stdout)
    assert applied["schema_version"] == 1
    assert {"what": "added", "kind": "job", "name": "finance", "details": ""} in applied["changes"]
    assert applied["schedules"] == ["nightly"]
    listed = json.loads(headgate("jobs", "list", "--json").stdout)["jobs"]
    assert [job["name"] for job in listed] == ["finance", "nightly"]
    assert listed[1]["schedule"] == {"cron": "0 6 * * 1-5", "timezone": "Europe/Berlin"}


def test_what_is_missing_comes_next(headgate: Any, world: Any) -> None:
    assert lines(headgate("jobs", "apply").stderr)[-1] == "Next: headgate run finance"
    world.jobs._bundles.clear()
    assert lines(headgate("jobs", "apply").stderr)[-1] == "Next: headgate publish --environment production"
