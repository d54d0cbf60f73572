"""`when:` of a job: gates and schedules as people write them, and what cannot be said."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.domain.gate import Awaited, Gate
from headgate.domain.schedule import Schedule
from tests.jobs_files import assert_one, job, problems, read, with_job

RECEIVERS = "receivers: {erp: {subject: $.model}, plain: {}}\n"
FIRST = "jobs:\n  load_core: {environment: production, run: [dbt build]}\n"


def when(tmp_path: Path, *lines: str) -> tuple[tuple[Gate, ...], tuple[Schedule, ...]]:
    found = job(tmp_path, "when:\n" + "".join(f"  {line}\n" for line in lines), RECEIVERS)
    return found.gates, found.schedules


GATES = [
    (
        "fivetran: {connectors: [salesforce, stripe]}",
        Gate("fivetran", (Awaited("fivetran", "salesforce"), Awaited("fivetran", "stripe"))),
    ),
    (
        "fivetran: {connectors: [a, b, c], wait_for: all, within: 2h, debounce: 5m, else_at: 07:00, "
        "timezone: Europe/Berlin}",
        Gate(
            "fivetran",
            tuple(Awaited("fivetran", name) for name in "abc"),
            needed=3,
            within=7_200.0,
            debounce=300.0,
            else_at="07:00",
            timezone="Europe/Berlin",
        ),
    ),
    (
        "airbyte: {connections: [a, b, c], wait_for: 2, within: 90s}",
        Gate("airbyte", tuple(Awaited("airbyte", name) for name in "abc"), needed=2, within=90.0),
    ),
    (
        's3: {bucket: landing, keys: ["erp/*/_SUCCESS", done], wait_for: all}',
        Gate(
            "s3",
            (
                Awaited("s3", "landing", {"key": ("erp/*/_SUCCESS",)}),
                Awaited("s3", "landing", {"key": ("done",)}),
            ),
            needed=2,
        ),
    ),
    ("s3: {bucket: landing}", Gate("s3", (Awaited("s3", "landing", {"key": ("*",)}),))),
    (
        "github: {repository: org/repo, events: [push, merge], branches: [main, release/*]}",
        Gate(
            "github",
            (Awaited("github", "org/repo", {"event": ("push", "merge"), "branch": ("main", "release/*")}),),
        ),
    ),
    (
        "gitlab: {repository: group/sub/project, events: [pull_request]}",
        Gate("gitlab", (Awaited("gitlab", "group/sub/project", {"event": ("pull_request",)}),)),
    ),
    (
        "github: {repository: org/repo}",
        Gate("github", (Awaited("github", "org/repo", {"event": ("push",)}),)),
    ),
    (
        'dbt_cloud: {jobs: [123, "456", Nightly], on: [success, error]}',
        Gate(
            "dbt_cloud",
            tuple(
                Awaited("dbt_cloud", name, {"status": ("success", "error")})
                for name in ("123", "456", "Nightly")
            ),
        ),
    ),
    (
        "webhook: {from: [plain, erp/orders/eu]}",
        Gate("webhook", (Awaited("webhook", "plain"), Awaited("webhook", "erp/orders/eu"))),
    ),
    (
        "after: {jobs: [load_core], on: [error, cancelled], models: [core/dim_customers]}",
        Gate(
            "after",
            (
                Awaited("job", "load_core", {"status": ("error", "cancelled")}),
                Awaited("model", "core/dim_customers"),
            ),
        ),
    ),
    (
        "after: {models: [core/model.core.dim_customers.v2]}",
        Gate("after", (Awaited("model", "core/model.core.dim_customers.v2"),)),
    ),
]


@pytest.mark.parametrize(("written", "gate"), GATES, ids=[written for written, _ in GATES])
def test_each_kind_is_a_gate_of_its_own(tmp_path: Path, written: str, gate: Gate) -> None:
    assert when(tmp_path, written) == ((gate,), ())


def test_two_kinds_are_two_gates(tmp_path: Path) -> None:
    gates, _ = when(tmp_path, "fivetran: {connectors: [a]}", "airbyte: {connections: [b], debounce: 1m}")
    assert [(gate.name, gate.debounce, gate.is_immediate) for gate in gates] == [
        ("fivetran", 0.0, True),
        ("airbyte", 60.0, False),
    ]


def test_a_gate_joins_all_kinds_into_one(tmp_path: Path) -> None:
    gates, schedules = when(
        tmp_path,
        "fivetran: {connectors: [a, b]}",
        "after: {jobs: [load_core]}",
        'gate: {wait_for: 2, within: 2h, else_at: "23:30", timezone: Asia/Tokyo}',
        'schedule: {cron: "0 6 * * *"}',
    )
    awaits = (
        Awaited("fivetran", "a"),
        Awaited("fivetran", "b"),
        Awaited("job", "load_core", {"status": ("success",)}),
    )
    assert gates == (Gate("gate", awaits, needed=2, within=7_200.0, else_at="23:30", timezone="Asia/Tokyo"),)
    assert schedules == (Schedule("0 6 * * *"),)


SCHEDULES = [
    ('{cron: "0 6 * * 1-5", timezone: Europe/Berlin}', [Schedule("0 6 * * 1-5", "Europe/Berlin")]),
    ('{cron: "0 6 L * *", dst: skip, catch_up: all}', [Schedule("0 6 L * *", dst="skip", catch_up="all")]),
    ("{every: 2h}", [Schedule(every=7_200.0)]),
    ("{every: 120}", [Schedule(every=120.0)]),
    (
        "{every: 90m, aligned: wall_clock, timezone: Europe/Berlin}",
        [Schedule(every=5_400.0, aligned="wall_clock", timezone="Europe/Berlin")],
    ),
    (
        '{at: [0, 8, "17:30"], days: [mon, fri]}',
        [Schedule(at=("00:00", "08:00", "17:30"), days=("MON", "FRI"))],
    ),
    ("{at: [17:30]}", [Schedule(at=("17:30",))]),
    (
        '[{cron: "0 6 * * *"}, {at: [12], catch_up: none}]',
        [Schedule("0 6 * * *"), Schedule(at=("12:00",), catch_up="none")],
    ),
]


@pytest.mark.parametrize(("written", "schedules"), SCHEDULES, ids=[written for written, _ in SCHEDULES])
def test_a_schedule_is_said_in_one_of_three_ways(
    tmp_path: Path, written: str, schedules: list[Schedule]
) -> None:
    assert when(tmp_path, f"schedule: {written}") == ((), tuple(schedules))


F, S = "fivetran", "schedule"
WRONG = [
    # How much is enough.
    ("fivetran: {connectors: [a, b], wait_for: most}", "fivetran.wait_for", "any, all or how many (1 or more), not"),
    ("fivetran: {connectors: [a, b], wait_for: 0}", "fivetran.wait_for", "1 or more), not 0"),
    ("fivetran: {connectors: [a, b], wait_for: 3}", "fivetran.wait_for", "must be at most 2: so many are listed"),
    ("fivetran: {connectors: [a, b], wait_for: true}", "fivetran.wait_for", "not True"),
    ("fivetran: {connectors: [a, b], wait_for: '2'}", "fivetran.wait_for", "not '2'"),
    ("fivetran: {connectors: [a, b], wait_fr: all}", "fivetran.wait_fr", "Did you mean wait_for?"),
    ("fivetran: {connectors: [a, b], within: 2h}", "fivetran.within", "any one is enough"),
    ("fivetran: {connectors: [a], wait_for: all, within: 2h}", "fivetran.within", "only one is listed"),
    ("fivetran: {connectors: [a, b], wait_for: 1, within: 2h}", "fivetran.within", "wait_for: all or 2 and more"),
    ("fivetran: {connectors: [a, b], wait_for: all, within: soon}", "fivetran.within", "as in 90s, 20m or 1h30m"),
    ("fivetran: {connectors: [a, b], wait_for: all, within: 8000h}", "fivetran.within", "at most seven days"),
    ("fivetran: {connectors: [a], debounce: 5 min}", "fivetran.debounce", "as in 90s, 20m or 1h30m, not '5 min'"),
    ("fivetran: {connectors: [a], debounce: 0}", "fivetran.debounce", "more than nothing"),
    ("fivetran: {connectors: [a], else_at: 7}", "fivetran.else_at", "must be a text, not a number (7)"),
    ("fivetran: {connectors: [a], else_at: '7:00'}", "fivetran.else_at", 'a local time in quotes, as in "08:00"'),
    ("fivetran: {connectors: [a], else_at: '24:00'}", "fivetran.else_at", "a local time"),
    ("fivetran: {connectors: [a], timezone: Europe/Berlin}", "fivetran.timezone", "is the zone of else_at"),
    (
        "fivetran: {connectors: [a], else_at: '07:00', timezone: Europe/Berln}",
        "fivetran.timezone",
        "did you mean Europe/Berlin?",
    ),
    # One gate for all.
    ("gate: {wait_for: all}", "gate", "joins what else the job waits for, and there is nothing"),
    (
        "fivetran: {connectors: [a], debounce: 5m} #!\n  gate: {wait_for: all}",
        "fivetran.debounce",
        "belongs to gate, which joins all kinds of this job: write debounce there",
    ),
    (
        "fivetran: {connectors: [a]}\n  airbyte: {connections: [b]}\n  gate: {wait_for: 3} #!",
        "gate.wait_for",
        "must be at most 2",
    ),
    ("fivetran: {connectors: [a]}\n  gate: {wait_for: all, within: 2h} #!", "gate.within", "only one is listed"),
    ("fivetran: {connectors: [a]}\n  gate: {timezone: UTC} #!", "gate.timezone", "is the zone of else_at"),
    ("fivetran: {connectors: [a]}\n  gate: {connectors: [b]} #!", "gate.connectors", "unknown key. Known here:"),
    # What is awaited.
    ("fivetran: {connectors: []}", "fivetran.connectors", "at least one entry"),
    ("fivetran: {connectors: [a, b, a]}", "fivetran.connectors", "'a' is written twice"),
    ("fivetran: {connectors: stripe}", "fivetran.connectors", "must be a list, not a text ('stripe')"),
    ("fivetran: {connectors: ['']}", "fivetran.connectors[0]", "is empty"),
    ("fivetran: [stripe]", "fivetran", "must be a mapping (key: value), not a list"),
    ("fivetran:", "fivetran", "is empty: write a value, or leave the key out"),
    ("fivetran: {connectors: [a], within: }", "fivetran.within", "is empty: write a value"),
    ("fivetran: {connections: [a]}", "fivetran.connections", "Did you mean connectors?"),
    ("airbyte: {connectors: [a]}", "airbyte.connectors", "Did you mean connections?"),
    ("airbyte: {}", "airbyte.connections", "is missing"),
    ("airbyt: {connections: [a]}", "airbyt", "Did you mean airbyte?"),
    ("cron: '0 6 * * *'", "cron", "unknown key. Known here: fivetran, airbyte, s3"),
    ("s3: {bucket: s3://landing}", "s3.bucket", "must be the name of a bucket, without s3://"),
    ("s3: {bucket: Landing}", "s3.bucket", "the name of a bucket"),
    ("s3: {keys: ['*']}", "s3.bucket", "is missing"),
    ("s3: {bucket: landing, keys: '*'}", "s3.keys", "must be a list"),
    ("s3: {bucket: landing, prefix: erp/}", "s3.prefix", "unknown key. Known here: bucket, keys"),
    ("github: {repository: repo}", "github.repository", "must be <owner>/<name>, as in org/repo"),
    ("github: {repository: https://github.com/org/repo}", "github.repository", "<owner>/<name>"),
    ("github: {repository: org/repo, events: [pushed]}", "github.events[0]", "Did you mean push?"),
    ("github: {repository: org/repo, events: [merge_request]}", "github.events[0]", "Did you mean pull_request?"),
    ("github: {repository: org/repo, events: []}", "github.events", "at least one entry"),
    ("github: {repository: org/repo, events: [push, push]}", "github.events", "'push' is written twice"),
    ("github: {repository: org/repo, branch: main}", "github.branch", "Did you mean branches?"),
    ("github: {repository: org/repo, branches: main}", "github.branches", "must be a list"),
    ("gitlab: {repository: project}", "gitlab.repository", "the project's path, as in group/subgroup/project"),
    ("dbt_cloud: {jobs: [1.5]}", "dbt_cloud.jobs[0]", "must be a text, not a number (1.5)"),
    ("dbt_cloud: {jobs: [1], on: [failed]}", "dbt_cloud.on[0]", "Did you mean error?"),
    ("dbt_cloud: {job: 1, jobs: [2]}", "dbt_cloud.job", "Did you mean jobs?"),
    ("webhook: {from: [erb]}", "webhook.from[0]", "unknown receiver 'erb'. Did you mean erp?"),
    ("webhook: {from: [hightouch/orders]}", "webhook.from[0]", "unknown receiver 'hightouch'. Known: erp, plain"),
    ("webhook: {from: [erp, plain/orders]}", "webhook.from[1]", "does not say where the subject of a message stands"),
    ("webhook: {from: erp}", "webhook.from", "must be a list"),
    ("webhook: {receivers: [erp]}", "webhook.receivers", "Did you mean from?"),
    ("after: {}", "after", "names nothing to wait for: add jobs or models"),
    ("after: {jobs: [load_cor]}", "after.jobs[0]", "unknown job 'load_cor'. Did you mean load_core?"),
    ("after: {models: [Load_core/orders]}", "after.models[0]", "unknown job 'Load_core'. Did you mean load_core?"),
    ("after: {models: [orders]}", "after.models[0]", "must be <job>/<model>, as in core/dim_customers"),
    ("after: {models: [load_core/orders], on: [error]}", "after.on", "a model counts when it was built"),
    ("after: {jobs: [load_core], on: [succes]}", "after.on[0]", "Did you mean success?"),
    ("after: {jobs: [load_core], on: success}", "after.on", "must be a list"),
    ("after: {jobs: [load_core, load_core]}", "after.jobs", "'load_core' is written twice"),
    ("after: load_core", "after", "must be a mapping (key: value), not a text"),
    ("after: {jobs: [finance]}", "after", "jobs that wait for each other never start: finance → finance"),
    ("pull_request: {}", "pull_request", "not supported yet"),
    # By the clock.
    ("schedule: {timezone: UTC}", S, "takes exactly one of cron, every and at: none of them is there"),
    ("schedule: {cron: '0 6 * * *', at: [6]}", S, "exactly one of cron, every and at: it has cron and at"),
    ("schedule: []", S, "at least one entry"),
    ("schedule: '0 6 * * *'", S, 'must be a mapping such as {cron: "0 6 * * *"}, or a list of them'),
    ("schedule: [{every: 2h}, {every: 120m}]", S, "the same entry twice"),
    ("schedule: {every: 30s}", "schedule.every", "whole minutes, at least 1m"),
    ("schedule: {every: 90s}", "schedule.every", "whole minutes, at least 1m"),
    ("schedule: {every: day}", "schedule.every", "as in 90s, 20m or 1h30m"),
    ("schedule: {every: 7h, aligned: wall_clock}", S, "every 7 h does not divide a day"),
    ("schedule: {every: 2h, dst: utc_fixed}", S, "every counts elapsed time"),
    ("schedule: {every: 2h, aligned: clock}", "schedule.aligned", "'elapsed' or 'wall_clock', not 'clock'"),
    ("schedule: {at: [6], aligned: elapsed}", "schedule.aligned", "goes with every"),
    ("schedule: {at: 6}", "schedule.at", "must be a list, not a number (6)"),
    ("schedule: {at: [24]}", "schedule.at[0]", 'whole hour (0 to 23) or a local time in quotes, as in "17:30", not 24'),
    ("schedule: {at: ['8:00']}", "schedule.at[0]", "a whole hour (0 to 23) or a local time"),
    ("schedule: {at: [8.5]}", "schedule.at[0]", "not 8.5"),
    ("schedule: {at: [true]}", "schedule.at[0]", "not True"),
    ("schedule: {at: [8, '08:00']}", "schedule.at", "'08:00' is written twice"),
    ("schedule: {at: [6], days: [1]}", "schedule.days[0]", "must be 'mon', 'tue'"),
    ("schedule: {at: [6], days: [Monday]}", "schedule.days[0]", "Did you mean mon?"),
    ("schedule: {at: [6], days: [mon, mon]}", "schedule.days", "'mon' is written twice"),
    ("schedule: {cron: '0 6 * * *', days: [mon]}", "schedule.days", "with cron, field 5 says the days"),
    ("schedule: {cron: '0 6 * *'}", "schedule.cron", "has 4 fields, not 5"),
    ("schedule: {at: [6], timezone: Berlin}", "schedule.timezone", "did you mean Europe/Berlin?"),
    ("schedule: {at: [6], dst: nextvalid}", "schedule.dst", "Did you mean next_valid?"),
    ("schedule: {at: [6], catch_up: last}", "schedule.catch_up", "Did you mean latest?"),
    ("schedule: {at: [6], catchup: all}", "schedule.catchup", "Did you mean catch_up?"),
    ("schedule: {hours: [6]}", "schedule.hours", "Did you mean at?"),
    ("schedule:\n    - {at: [6]}\n    - {at: [7], dst: no} #!", "schedule[1].dst", "or 'utc_fixed', not 'no'"),
    ("schedule:\n    timezone: UTC\n    at: [25] #!", "schedule.at[0]", "not 25"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "path", "words"), WRONG, ids=[case[0] for case in WRONG])
def test_what_cannot_be_said(tmp_path: Path, written: str, path: str, words: str) -> None:
    first, _, rest = written.partition("\n")
    marked = written if "#!" in written else f"{first} #!" + (f"\n{rest}" if rest else "")
    text = with_job(f"when:\n  {marked}", RECEIVERS).replace("jobs:\n", FIRST, 1)
    found = [
        one
        for one in problems(tmp_path, text)
        if not one.message.startswith("takes exactly one") or path == S
    ]
    if len(found) > 1:  # a misspelt way to say a schedule leaves it without one
        raise AssertionError(found)
    assert_one(tmp_path, text, f"jobs.finance.when.{path}", words)


def test_a_job_of_another_project_can_be_awaited_unless_its_name_is_nearly_one_of_ours(
    tmp_path: Path,
) -> None:
    found = job(tmp_path, "when: {after: {jobs: [ingest, load_2], models: [elsewhere/orders]}}")
    assert [one.name for one in found.gates[0].awaits] == ["ingest", "load_2", "elsewhere/orders"]


def test_names_that_differ_by_a_number_are_two_jobs(tmp_path: Path) -> None:
    text = with_job("when: {after: {jobs: [load_2]}}").replace(
        "jobs:\n", FIRST.replace("load_core", "load_1"), 1
    )
    assert len(read(tmp_path, text).jobs) == 2


def test_a_circle_is_told_with_its_path(tmp_path: Path) -> None:
    text = with_job("when: {after: {jobs: [c]}} #!").replace(
        "jobs:\n",
        "jobs:\n  c: {environment: production, run: [dbt build], when: {after: {models: [b/orders]}}}\n"
        "  b: {environment: production, run: [dbt build], when: {after: {jobs: [finance, elsewhere]}}}\n",
        1,
    )
    (problem,) = problems(tmp_path, text)
    steps = problem.message.removeprefix("jobs that wait for each other never start: ").split(" → ")
    assert steps[0] == steps[-1]
    assert sorted(steps[1:]) == ["b", "c", "finance"]
    assert problem.path == f"jobs.{steps[0]}.when.after"


def test_each_wrong_key_of_a_kind_is_told(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        with_job("when:\n  s3: {bucket: A, keys: 3, within: x}\n  github: {repository: x, events: [y]}"),
    )
    assert [problem.path.removeprefix("jobs.finance.when.") for problem in found] == [
        *("s3.bucket", "s3.keys", "s3.within"),
        *("github.events[0]", "github.repository"),
    ]


def test_airbyte_alone_needs_no_commands(tmp_path: Path) -> None:
    text = with_job("when: {airbyte: {connections: [hubspot]}}").replace("    run: [dbt build]\n", "")
    (found,) = read(tmp_path, text).jobs
    assert found.steps == ("dbt build --select connector:hubspot+",)
    assert found.reuse.unchanged
