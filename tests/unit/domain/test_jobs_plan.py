"""Plans of jobs: what differs, in the words of the file; what speaks against it; what makes a plan stale."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from headgate.domain.activity import Activity
from headgate.domain.applied import Applied
from headgate.domain.declared_var import DeclaredVar
from headgate.domain.error_class import ErrorClass
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import (
    AlertRule,
    Deadline,
    Environment,
    Job,
    JobsFile,
    RetryPolicy,
    ReusePolicy,
    RunnerSize,
)
from headgate.domain.jobs_changes import FieldChange, ScheduleChange
from headgate.domain.jobs_plan import JobsPlan, Known, changed_since, make_plan
from headgate.domain.receiver import Receiver
from headgate.domain.schedule import Schedule
from tests.builders import fivetran_gate, make_environment

PRODUCTION = make_environment()
FINANCE = Job("finance", "production", ("dbt build",), gates=(fivetran_gate("stripe"),))
NIGHTLY = Job("nightly", "production", ("dbt build",), schedules=(Schedule("0 6 * * *", "Europe/Berlin"),))
RULE = AlertRule({"tag": "finance"}, (("slack", "#finance"),))
FILE = JobsFile((PRODUCTION,), (FINANCE, NIGHTLY), (RULE,))


def known(*files: JobsFile, **more: Any) -> Known:
    return Known({file.origin: Applied(file, number + 1) for number, file in enumerate(files)}, **more)


def plan(old: JobsFile, new: JobsFile, **more: Any) -> JobsPlan:
    return make_plan(new, known(old, **more))


def told(made: JobsPlan) -> list[str]:
    return [f"{change.action} {change.kind} {change.name}" for change in made.changes]


def test_what_is_stored_as_it_is_written_is_nothing_to_do() -> None:
    made = plan(FILE, FILE)
    assert not made.has_changes
    assert (made.changes, made.schedules, made.drift, made.warnings, made.errors) == ((), (), (), (), ())


def test_everything_of_a_first_apply_is_added() -> None:
    made = make_plan(replace(FILE, receivers=(Receiver("erp"),), max_parallel_runs=5), Known())
    assert told(made) == [
        "add environment production",
        "add receiver erp",
        "add job finance",
        "add job nightly",
        "add alert rule tag finance → slack #finance",
        "add account limits",
    ]
    assert made.schedules == (ScheduleChange("add", "nightly", "", "0 6 * * * Europe/Berlin"),)
    assert made.numbers == {"headgate.yml": 0}


def test_what_is_removed_is_told_in_the_order_of_the_file() -> None:
    many = replace(FILE, jobs=tuple(replace(FINANCE, name=f"job-{number}") for number in range(20)))
    removed = [f"remove job job-{number}" for number in range(20)]
    assert told(plan(many, replace(FILE, jobs=()))) == removed


def test_what_leaves_the_file_is_removed_and_nothing_of_other_origins() -> None:
    other = JobsFile(
        (replace(PRODUCTION, name="ci"),),
        (replace(NIGHTLY, name="theirs", environment="ci"),),
        (RULE,),
        "ci.yml",
    )
    made = make_plan(replace(FILE, jobs=(FINANCE,), alerts=()), known(FILE, other))
    assert told(made) == ["remove job nightly", "remove alert rule tag finance → slack #finance"]
    assert made.schedules == (ScheduleChange("remove", "nightly", "0 6 * * * Europe/Berlin", ""),)


CHANGED: dict[str, tuple[Any, FieldChange]] = {
    "environment": ("ci", FieldChange("environment", "production", "ci")),
    "run": (("dbt seed", "dbt build"), FieldChange("run", "dbt build", "dbt seed · dbt build")),
    "owner": ("ana", FieldChange("owner", "", "ana")),
    "description": ("money", FieldChange("description", "", "money")),
    "gates": (
        (fivetran_gate("stripe", "hubspot"),),
        FieldChange("when.fivetran.connectors", "stripe", "stripe, hubspot"),
    ),
    "schedules": ((Schedule(every=7200.0),), FieldChange("when.schedule", "", "every 2h")),
    "retries": (RetryPolicy(on=("transient", "timeout")), FieldChange("retries.on", "transient", "transient, timeout")),
    "node_timeout": (5400.0, FieldChange("node_timeout", "", "1h30m")),
    "reuse": (ReusePolicy(respect_window=True), FieldChange("reuse.code_change", "build", "respect_window")),
    "deadline": (Deadline("08:00"), FieldChange("deadline.finish_by", "", "08:00")),
    "on_conflict": ("skip", FieldChange("on_conflict", "", "skip")),
    "max_parallel_runs": (2, FieldChange("max_parallel_runs", "1", "2")),
    "priority": (-5, FieldChange("priority", "0", "-5")),
    "deactivate_after": (0, FieldChange("deactivate_after", "100", "0")),
    "paused": (True, FieldChange("paused", "false", "true")),
    "variables": ({"DBT_A": "1"}, FieldChange("variables.DBT_A", "", "1")),
    "secrets": ({"DBT_ENV_SECRET_A": "warehouse/a#b"}, FieldChange("secrets.DBT_ENV_SECRET_A", "", "warehouse/a#b")),
    "vars": ((DeclaredVar("region", "text", ("eu", "us")),), FieldChange("vars.region", "", "text of eu, us")),
}  # fmt: skip


@pytest.mark.parametrize("field", [found.name for found in fields(Job) if found.name != "name"])
def test_a_change_of_each_field_of_a_job_is_told_in_the_words_of_the_file(field: str) -> None:
    value, expected = CHANGED[field]
    made = plan(FILE, replace(FILE, jobs=(replace(FINANCE, **{field: value}), NIGHTLY)))
    assert told(made) == ["change job finance"]
    assert expected in made.changes[0].fields
    back = plan(replace(FILE, jobs=(replace(FINANCE, **{field: value}), NIGHTLY)), FILE)
    assert replace(expected, old=expected.new, new=expected.old) in back.changes[0].fields


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"target": "dev"}, FieldChange("target", "prod", "dev")),
        ({"threads": 9}, FieldChange("threads", "4", "9")),
        ({"runners": RunnerSize(max=9)}, FieldChange("runners.max", "4", "9")),
        ({"concurrency": 3}, FieldChange("concurrency", "", "3")),
        ({"pools": {"wh": 2}}, FieldChange("pools.wh", "", "2")),
        ({"error_classes": (ErrorClass("busy", ("x",)),)}, FieldChange("error_classes.busy.match", "", "x")),
        ({"project_variables": {"DBT_A": "1"}}, FieldChange("the file's variables.DBT_A", "", "1")),
    ],
)
def test_changes_of_an_environment(change: dict[str, Any], expected: FieldChange) -> None:
    made = plan(FILE, replace(FILE, environments=(replace(PRODUCTION, **change),)))
    assert told(made) == ["change environment production"]
    assert expected in made.changes[0].fields


def test_every_key_of_a_gate_is_told() -> None:
    gate = Gate(
        "gate",
        (
            Awaited("s3", "landing", {"key": ("erp/*",)}),
            Awaited("s3", "landing", {"key": ("crm/*",)}),
            Awaited("job", "load", {"status": ("success", "error")}),
            Awaited("model", "core/dim"),
        ),
        needed=4,
        within=7200.0,
        debounce=300.0,
        else_at="07:00",
        timezone="Europe/Berlin",
    )
    made = plan(FILE, replace(FILE, jobs=(replace(FINANCE, gates=(gate,)), NIGHTLY)))
    assert {one.key: one.new for one in made.changes[0].fields} == {
        "when.s3.bucket": "landing",
        "when.s3.keys": "erp/*, crm/*",
        "when.after.jobs": "load",
        "when.after.on": "success, error",
        "when.after.models": "core/dim",
        "when.gate.wait_for": "all",
        "when.gate.within": "2h",
        "when.gate.debounce": "5m",
        "when.gate.else_at": "07:00 Europe/Berlin",
        "when.fivetran.connectors": "",
        "when.fivetran.wait_for": "",
    }


def test_a_change_that_the_words_do_not_show_is_a_change() -> None:
    one, two = fivetran_gate("a").awaits[0], Awaited("s3", "b", {"key": ("x",)})
    first = replace(FINANCE, gates=(Gate("gate", (one, two)),))
    second = replace(FINANCE, gates=(Gate("gate", (two, one)),))
    made = plan(replace(FILE, jobs=(first,)), replace(FILE, jobs=(second,)))
    assert (told(made), made.changes[0].fields) == (["change job finance"], ())


def test_alert_rules_are_told_one_by_one_and_their_order_as_one() -> None:
    loud = AlertRule({}, (("slack", "#all"),))
    assert told(plan(FILE, replace(FILE, alerts=(RULE, loud)))) == ["add alert rule everything → slack #all"]
    swapped = plan(replace(FILE, alerts=(RULE, loud)), replace(FILE, alerts=(loud, RULE)))
    assert told(swapped) == ["change alert rule their order"]


def test_drift_and_an_apply_that_did_not_end_are_work_for_an_apply_and_a_pause_is_not() -> None:
    assert plan(FILE, FILE, drift=["the schedule of nightly is missing"]).has_changes
    assert make_plan(FILE, Known({FILE.origin: Applied(FILE, 1, pending=True)})).has_changes
    stopped = {
        "finance": Activity(paused="by ana"),
        "nightly": Activity(failures=9, deactivated_at="2026-01-31T06:00:00"),
    }
    made = plan(FILE, FILE, activities=stopped)
    assert not made.has_changes
    assert made.stopped == (
        "job finance is paused by ana",
        "job nightly is off since 2026-01-31 06:00 UTC, after 9 failed runs in a row",
    )


def test_what_will_not_work_yet_is_a_warning() -> None:
    waits = replace(FINANCE, gates=(Gate("after", (Awaited("job", "load"), Awaited("model", "core/dim"))),))
    written = replace(FILE, jobs=(waits, NIGHTLY), receivers=(Receiver("erp"),))
    other = JobsFile((), (Job("core", "production", ()),), (), "core.yml")
    made = make_plan(written, known(FILE, other, unpublished=["production"], without_secret=["erp"]))
    assert [text.split(",")[0] for text in made.warnings] == [
        "job finance waits for the job load",
        "receiver erp has no secret",
        "environment production has nothing published: headgate publish --environment production",
    ]


def test_a_job_that_another_file_waits_for_is_not_removed_unsaid() -> None:
    other = JobsFile((), (after("theirs", "nightly"),), (), "other.yml")
    made = make_plan(replace(FILE, jobs=(FINANCE,)), known(FILE, other))
    assert made.warnings == ("job theirs of other.yml waits for the job nightly, which would be gone",)
    assert make_plan(FILE, known(FILE, other)).warnings == ()


def after(name: str, upstream: str) -> Job:
    return Job(name, "production", (), gates=(Gate("after", (Awaited("job", upstream),)),))


def test_a_cycle_across_files_is_an_error_with_its_way() -> None:
    other = JobsFile((), (after("theirs", "mine"),), (), "other.yml")
    made = make_plan(JobsFile((), (after("mine", "theirs"),), ()), known(other))
    assert len(made.errors) == 1
    assert "mine → theirs → mine" in made.errors[0] or "theirs → mine → theirs" in made.errors[0]
    gone = make_plan(
        replace(other, jobs=()), known(replace(FILE, jobs=(after("mine", "theirs"),)), other), sure=True
    )
    assert gone.errors == (), "the cycle of what the file replaces is over"


def test_names_of_another_origin_are_an_error_with_the_way_to_move_them() -> None:
    made = make_plan(replace(FILE, origin="shop"), known(FILE))
    assert made.errors == (
        "environment production, job finance, job nightly belong to headgate.yml. To move single ones: take them out "
        "of that file and apply it first. If this file takes its place altogether: --replaces headgate.yml",
    )


def test_a_file_takes_the_place_of_another() -> None:
    made = make_plan(replace(FILE, origin="shop", jobs=(FINANCE,)), known(FILE), ["headgate.yml"])
    assert (told(made), made.errors) == (["remove job nightly"], ())
    assert made.numbers == {"shop": 0, "headgate.yml": 1}
    assert make_plan(FILE, Known(), ["nobody.yml"]).errors == (
        "nothing is applied as nobody.yml, so there is nothing to take over from it",
    )


SHOP, BANK = (
    replace(FILE, dbt_project="shop"),
    JobsFile((), (Job("ledger", "bank", ()),), (), dbt_project="bank"),
)


@pytest.mark.parametrize(
    ("stored", "written", "refused"),
    [
        (SHOP, BANK, True),
        (SHOP, replace(BANK, project="bank"), False),
        (SHOP, replace(SHOP, jobs=()), False),
        (SHOP, replace(SHOP, dbt_project="bank"), False),  # it removes nothing
        (SHOP, replace(SHOP, dbt_project="bank", jobs=()), True),
        (replace(SHOP, dbt_project=""), BANK, True),
        (replace(SHOP, dbt_project=""), replace(SHOP, jobs=()), False),  # it still has the environment
        (SHOP, replace(BANK, dbt_project=""), True),
    ],
)
def test_another_projects_file_of_the_same_name_removes_nothing(
    stored: JobsFile, written: JobsFile, refused: bool
) -> None:
    made = make_plan(written, known(stored))
    assert bool(made.errors) == refused
    if refused:
        assert f"(project: {written.dbt_project or 'shop'})" in made.errors[0]
    assert make_plan(written, known(stored), sure=True).errors == ()


def test_a_plan_is_stale_once_anything_that_it_was_made_from_changed() -> None:
    louder = replace(FILE, jobs=(replace(FINANCE, owner="ana"), NIGHTLY))
    made = make_plan(louder, known(FILE))
    assert changed_since(made, make_plan(louder, known(FILE))) == []
    assert changed_since(made, make_plan(louder, Known({FILE.origin: Applied(louder, 2)}))) == [
        "headgate.yml was applied since",
        "no longer: change job finance: owner (none) → ana",
    ]
    assert changed_since(made, make_plan(louder, known(FILE, drift=["nightly is missing"]))) == [
        "new: nightly is missing"
    ]
    other = JobsFile((Environment("ci", "ci", "ci"),), (), (), "ci.yml")
    assert changed_since(made, make_plan(louder, known(FILE, other))) == [], (
        "another origin's apply is no matter"
    )


def test_a_file_is_told_by_all_that_it_says() -> None:
    digests = {
        plan(FILE, written).written
        for written in (
            FILE,
            replace(FILE, alerts=()),
            replace(FILE, jobs=(NIGHTLY, FINANCE)),
            replace(FILE, project="x"),
        )
    }
    assert len(digests) == 4
