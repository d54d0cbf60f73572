"""headgate.yml: what is read, and that every fault is told with file, line, place and the nearest known word."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.domain.error_class import ErrorClass
from headgate.domain.job import AlertRule, Deadline, RetryPolicy, ReusePolicy, RunnerSize
from headgate.domain.schedule import Schedule
from headgate.errors import JobsFileError, NotFoundError
from tests.builders import fivetran_gate
from tests.jobs_files import problems, read

GOOD = """\
version: 1
environments:
  production:
    target: prod
    schema: analytics
    threads: 8
    runners: {max: 4, cpu: 1024, memory: 4096, spot: true}
    secrets: {DBT_ENV_SECRET_PASSWORD: warehouse/prod#password}
jobs:
  finance:
    environment: production
    owner: finance-data@example.com
    when:
      fivetran: {connectors: [salesforce, stripe]}
      schedule: {cron: "0 6 * * 1-5", timezone: Europe/Berlin}
    run:
      - dbt build --select tag:finance+
alerts:
  - match: {tag: finance, severity: error}
    send: [{slack: "#finance-data"}]
"""


def test_a_whole_file(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.origin == "headgate.yml"
    (environment,) = found.environments
    assert (environment.name, environment.target, environment.schema, environment.threads) == (
        "production",
        "prod",
        "analytics",
        8,
    )
    assert environment.runners == RunnerSize(max=4, cpu=1024, memory=4096, spot=True)
    assert environment.secrets == {"DBT_ENV_SECRET_PASSWORD": "warehouse/prod#password"}
    (job,) = found.jobs
    assert job.gates == (fivetran_gate("salesforce", "stripe"),)
    assert job.schedules == (Schedule("0 6 * * 1-5", "Europe/Berlin"),)
    assert job.commands[0].select == ("tag:finance+",)
    assert found.alerts == (
        AlertRule(match={"tag": "finance", "severity": "error"}, send=(("slack", "#finance-data"),)),
    )


def test_the_least_a_file_can_say(tmp_path: Path) -> None:
    text = """
version: 1
environments: {dev: {target: dev, schema: dev}}
jobs: {all: {environment: dev, run: [dbt build]}}
"""
    found = read(tmp_path, text)
    assert found.environments[0].runners == RunnerSize()
    assert found.jobs[0].gates == ()
    assert found.jobs[0].schedules == ()
    assert found.alerts == ()


CONTROL = """\
version: 1
environments:
  production:
    target: prod
    schema: analytics
    concurrency: 12
    pools: {wh_large: 8, api: 1}
    error_classes:
      nightly_load: {match: "is being loaded", backoff: 30s, group: waiting}
      lock_conflict: {backoff: 10s, longest: 2m, fewer_threads: false}
      database: {match: ["odd (one|two)", "odder"], retry: true, counts: false}
jobs:
  finance:
    environment: production
    node_timeout: 30m
    retries: {max: 3, on: [transient, timeout, waiting, database], non_idempotent: true, scope: model_and_test}
    run: [dbt build --fail-fast]
"""


def test_how_failures_are_met(tmp_path: Path) -> None:
    found = read(tmp_path, CONTROL)
    (environment,), (job,) = found.environments, found.jobs
    assert (environment.concurrency, environment.pools) == (12, {"wh_large": 8, "api": 1})
    assert environment.error_classes == (
        ErrorClass("nightly_load", ("is being loaded",), retry=True, first_seconds=30.0, group="waiting"),
        ErrorClass("lock_conflict", (), retry=True, first_seconds=10.0, group="transient"),
        ErrorClass("database", ("odd (one|two)", "odder"), retry=True, counts=False),
    )
    assert job.retries == RetryPolicy(
        3, ("transient", "timeout", "waiting", "database"), True, "model_and_test"
    )
    assert job.node_timeout == 1800.0
    assert job.commands[0].fail_fast is True


def test_failures_are_met_as_the_records_say_if_the_file_says_nothing(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.jobs[0].retries == RetryPolicy()
    assert (found.jobs[0].node_timeout, found.environments[0].concurrency) == (None, None)
    assert (found.environments[0].pools, found.environments[0].error_classes) == ({}, ())


@pytest.mark.parametrize(
    ("before", "after", "line", "place", "words"),
    [
        ("concurrency: 12", "concurrency: 0", 6, "environments.production.concurrency", "at least 1"),
        ("concurrency: 12", "concurency: 12", 6, "environments.production.concurency", "Did you mean concurrency?"),
        ("wh_large: 8", "wh_large: many", 7, "environments.production.pools.wh_large", "a whole number"),
        ("wh_large: 8", "wh_large: 0", 7, "environments.production.pools.wh_large", "at least 1"),
        ("wh_large: 8", "warehouse: 8", 3, "environments.production", "write `concurrency: 8`"),
        ("wh_large: 8", "'a pool': 8", 7, "environments.production.pools.a pool", "1 to 48 letters"),
        ('match: "is being loaded", ', "", 9, "environments.production.error_classes.nightly_load",
         "match is missing. Only a built-in class"),
        ("      lock_conflict:", "      lock_conflit:", 10, "environments.production.error_classes.lock_conflit",
         "match is missing. Did you mean lock_conflict?"),
        ("odder", "odd(er", 11, "environments.production.error_classes.database.match[1]",
         "is not a regular expression"),
        ("odder", "(odder)?", 11, "environments.production.error_classes.database.match[1]",
         "found in every message"),
        ('match: ["odd (one|two)", "odder"]', "match: []", 11,
         "environments.production.error_classes.database.match", "at least one entry"),
        ('match: ["odd (one|two)", "odder"]', "match: 5", 11,
         "environments.production.error_classes.database.match", "a list"),
        ("backoff: 30s", "backof: 30s", 9, "environments.production.error_classes.nightly_load.backof",
         "Did you mean backoff?"),
        ("backoff: 30s", "backoff: soon", 9, "environments.production.error_classes.nightly_load.backoff",
         "a length of time as in 90s"),
        ("backoff: 10s, longest: 2m", "backoff: 3m, longest: 2m", 10,
         "environments.production.error_classes.lock_conflict", "backoff is longer than longest"),
        ("retry: true", "retry: often", 11, "environments.production.error_classes.database.retry",
         "true or false"),
        ("backoff: 10s", "group: 'no group'", 10, "environments.production.error_classes.lock_conflict.group",
         "1 to 48 letters"),
        ("node_timeout: 30m", "node_timeout: 1.5h", 15, "jobs.finance.node_timeout", "as in 90s, 20m or 1h30m"),
        ("node_timeout: 30m", "node_timeout: 0", 15, "jobs.finance.node_timeout", "more than nothing"),
        ("max: 3", "max: 11", 16, "jobs.finance.retries.max", "at most 10"),
        ("max: 3", "max: -1", 16, "jobs.finance.retries.max", "at least 0"),
        ("max: 3", "times: 3", 16, "jobs.finance.retries.times", "unknown key. Known here: max, on"),
        ("[transient, timeout, waiting, database]", "transient", 16, "jobs.finance.retries.on", "a list"),
        ("transient, timeout", "transiet, timeout", 16, "jobs.finance.retries.on[0]",
         "unknown error class 'transiet'. Did you mean transient?"),
        ("transient, timeout", "transient, xqz", 16, "jobs.finance.retries.on[1]", "Known: transient, waiting"),
        ("transient, timeout", "transient, nightly_lod", 16, "jobs.finance.retries.on[1]",
         "Did you mean nightly_load?"),
        ("transient, timeout", "transient, compilation", 16, "jobs.finance.retries.on[1]",
         "error_classes: {compilation: {retry: true}}"),
        (", retry: true", "", 16, "jobs.finance.retries.on[3]", "errors of class database do not pass"),
        ("non_idempotent: true", "non_idempotent: maybe", 16, "jobs.finance.retries.non_idempotent",
         "true or false"),
        ("scope: model_and_test", "scope: model", 16, "jobs.finance.retries.scope",
         "must be 'test' or 'model_and_test', not 'model'"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_about_failures(
    tmp_path: Path, before: str, after: str, line: int, place: str, words: str
) -> None:
    assert before in CONTROL
    (problem,) = problems(tmp_path, CONTROL.replace(before, after))
    assert (problem.line, problem.path) == (line, place)
    assert words in problem.message


def test_what_is_reused_and_by_when_a_run_is_over(tmp_path: Path) -> None:
    more = """
    reuse:
      unchanged: true
      batch_tests: true
      code_change: respect_window
      volatile: ignore
      look_every: 6h
      silent_after: 36h
    deadline: {finish_by: "08:00", timezone: Europe/Berlin}
    run:
"""
    (job,) = read(tmp_path, GOOD.replace("    run:\n", more[1:])).jobs
    assert job.reuse == ReusePolicy(
        unchanged=True,
        batch_tests=True,
        respect_window=True,
        ignore_volatile=True,
        look_every=21_600.0,
        silent_after=129_600.0,
    )
    assert job.deadline == Deadline("08:00", "Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ReusePolicy()),
        ("reuse: true", ReusePolicy(unchanged=True)),
        ("reuse: false", ReusePolicy()),
        ("reuse: {batch_tests: true}", ReusePolicy(batch_tests=True)),
        ("reuse: {unchanged: true, look_every: 0}", ReusePolicy(unchanged=True, look_every=0.0)),
    ],
)
def test_nothing_is_reused_unless_it_is_said(tmp_path: Path, text: str, expected: ReusePolicy) -> None:
    (job,) = read(tmp_path, GOOD.replace("    run:\n", f"    {text}\n    run:\n")).jobs
    assert (job.reuse, job.deadline) == (expected, None)


WITHOUT_RUN = GOOD.replace("    run:\n      - dbt build --select tag:finance+\n", "")


def test_a_job_of_connectors_without_commands_builds_what_is_not_fresh_downstream_of_them(
    tmp_path: Path,
) -> None:
    (job,) = read(tmp_path, WITHOUT_RUN).jobs
    assert (job.run, job.reuse) == ((), ReusePolicy(unchanged=True))
    assert job.steps == ("dbt build --select connector:salesforce+ connector:stripe+",)
    said_otherwise = WITHOUT_RUN.replace("    when:\n", "    reuse: {unchanged: false}\n    when:\n")
    assert read(tmp_path, said_otherwise).jobs[0].reuse == ReusePolicy()


def test_a_job_without_commands_needs_connectors(tmp_path: Path) -> None:
    (found,) = problems(
        tmp_path, WITHOUT_RUN.replace("      fivetran: {connectors: [salesforce, stripe]}\n", "")
    )
    assert (found.line, found.path) == (10, "jobs.finance")
    assert "run is missing" in found.message
    assert "when.fivetran" in found.message


def test_the_shop_s_own_file() -> None:
    shop = read_jobs_file(Path(__file__).parents[3] / "examples" / "shop" / "headgate.yml")
    assert {job.environment for job in shop.jobs} <= {environment.name for environment in shop.environments}
    assert shop.alerts


ONE_FAULT = [
    ("schedule:", "shedule:", 15, "jobs.finance.when.shedule", "unknown key. Did you mean schedule?"),
    ("connectors:", "conectors:", 14, "jobs.finance.when.fivetran.conectors", "Did you mean connectors?"),
    ("alerts:", "alert:", 18, "alert", "unknown key. Did you mean alerts?"),
    ("    when:\n", "    on:\n", 13, "jobs.finance.on", "unknown key. Did you mean when?"),
    ("    run:\n", "    zzz: 1\n    run:\n", 16, "jobs.finance.zzz", "Known here: environment, owner"),
    ('"0 6 * * 1-5"', '"0 25 * * *"', 15, "jobs.finance.when.schedule.cron", "field 2 (hour) cannot be '25'"),
    ('"0 6 * * 1-5"', '"0 6 * *"', 15, "jobs.finance.when.schedule.cron", "has 4 fields, not 5"),
    ('"0 6 * * 1-5"', '"0 6 31 2 *"', 15, "jobs.finance.when.schedule.cron", "never fires"),
    (
        "Europe/Berlin",
        "Europe/Berln",
        15,
        "jobs.finance.when.schedule.timezone",
        "did you mean Europe/Berlin?",
    ),
    ("tag:finance+", "tagg:finance+", 17, "jobs.finance.run[0]", "did you mean"),
    ("dbt build --select", "dbt build --selct", 17, "jobs.finance.run[0]", "did you mean --select?"),
    ("dbt build --select tag:finance+", "rm -rf /", 17, "jobs.finance.run[0]", "is not a dbt command"),
    (
        "environment: production",
        "environment: prod",
        11,
        "jobs.finance.environment",
        "Did you mean production?",
    ),
    ("environment: production", "environment: qx", 11, "jobs.finance.environment", "Known: production"),
    ("    environment: production\n", "", 10, "jobs.finance.environment", "is missing"),
    ("    target: prod\n", "", 3, "environments.production.target", "is missing"),
    ("threads: 8", 'threads: "8"', 6, "environments.production.threads", "a whole number, not a text ('8')"),
    ("threads: 8", "threads: 0", 6, "environments.production.threads", "at least 1"),
    ("max: 4", "max: 41", 7, "environments.production.runners.max", "at most 40"),
    ("memory: 4096", "memory: 9000", 7, "environments.production.runners", "2048 to 8192 in steps of 1024"),
    ("cpu: 1024", "cpu: 1000", 7, "environments.production.runners", "cpu 1000 is not a Fargate size"),
    (
        "spot: true",
        "spot: yes",
        7,
        "environments.production.runners.spot",
        "true or false, not a text ('yes')",
    ),
    ("prod#password", "prod", 8, "environments.production.secrets.DBT_ENV_SECRET_PASSWORD", "<secret name>#"),
    ("DBT_ENV_SECRET_PASSWORD", "AWS_PROFILE", 8, "environments.production.secrets.AWS_PROFILE", "steers"),
    ("version: 1", "version: 2", 1, "version", "must be 1, not 2"),
    ("severity: error", "severity: eror", 19, "alerts[0].match.severity", "Did you mean error?"),
    ('"#finance-data"}', "#finance-data\n}", 20, "alerts[0].send[0].slack", "quote the channel"),
    ('"#finance-data"', "finance-data", 20, "alerts[0].send[0].slack", "with its #"),
    ("slack:", "slak:", 20, "alerts[0].send[0].slak", "Did you mean slack?"),
    ("slack:", "pagerduty:", 20, "alerts[0].send[0].pagerduty", "not supported yet"),
    (
        "    run:\n",
        "    reuse: {unchangd: true}\n    run:\n",
        16,
        "jobs.finance.reuse.unchangd",
        "mean unchanged?",
    ),
    ("    run:\n", "    reuse: 3\n    run:\n", 16, "jobs.finance.reuse", "a mapping"),
    (
        "    run:\n",
        "    reuse: {volatile: never}\n    run:\n",
        16,
        "jobs.finance.reuse.volatile",
        "must be 'build' or 'ignore'",
    ),
    (
        "    run:\n",
        "    reuse: {look_every: 1fortnight}\n    run:\n",
        16,
        "jobs.finance.reuse.look_every",
        "a length of time",
    ),
    (
        "    run:\n",
        "    reuse: {silent_after: 0}\n    run:\n",
        16,
        "jobs.finance.reuse.silent_after",
        "more than nothing",
    ),
    (
        "    run:\n",
        '    deadline: {finish_by: "8:00"}\n    run:\n',
        16,
        "jobs.finance.deadline.finish_by",
        '"08:00"',
    ),
    (
        "    run:\n",
        '    deadline: {finish_by: "08:00", timezone: Europe/Berln}\n    run:\n',
        16,
        "jobs.finance.deadline.timezone",
        "did you mean Europe/Berlin?",
    ),
    ("    run:\n", "    notify: x\n    run:\n", 16, "jobs.finance.notify", "not supported yet"),
    (
        "    when:\n",
        "    when:\n      pull_request: {}\n",
        14,
        "jobs.finance.when.pull_request",
        "not supported yet",
    ),
    (
        "    run:\n      - dbt build --select tag:finance+\n",
        "    run: dbt build\n",
        16,
        "jobs.finance.run",
        "a list",
    ),
    ("  finance:\n", "  fin ance:\n", 10, "jobs.fin ance", "letters, digits, - or _"),
    ("  finance:\n", "  2026:\n", 10, "jobs[2026]", "must be a text, not a number"),
    ("jobs:\n", "jobs: 3\nx:\n", 9, "jobs", "a mapping of names to settings, not a number (3)"),
]


@pytest.mark.parametrize(
    ("old", "new", "line", "place", "message"), ONE_FAULT, ids=[case[1] for case in ONE_FAULT]
)
def test_a_fault_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, place: str, message: str
) -> None:
    assert GOOD.count(old) >= 1
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    matching = [problem for problem in found if problem.path == place]
    assert [problem.line for problem in matching] == [line], found
    assert message in matching[0].message


def test_two_jobs_of_one_name(tmp_path: Path) -> None:
    text = GOOD.replace("alerts:", "  finance:\n    environment: production\n    run: [dbt build]\nalerts:")
    (found,) = problems(tmp_path, text)
    assert (found.line, found.path) == (18, "jobs.finance")
    assert "in line 10" in found.message


def test_all_faults_are_told_at_once_in_order(tmp_path: Path) -> None:
    text = (
        GOOD.replace("schedule:", "shedule:")
        .replace("environment: production", "environment: prodution")
        .replace("threads: 8", "threads: many")
        .replace("slack:", "slak:")
    )
    assert [problem.line for problem in problems(tmp_path, text)] == [6, 11, 15, 20]


def test_a_misspelt_key_is_one_fault_and_not_also_a_missing_one(tmp_path: Path) -> None:
    assert len(problems(tmp_path, GOOD.replace("connectors:", "conectors:"))) == 1


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "the file is empty"),
        ("# only a comment\n", 1, "the file is empty"),
        ("- a\n- b\n", 1, "is not a mapping"),
        (GOOD.replace("version: 1", "version: 1: 2"), 1, "not a YAML file"),
        (GOOD.replace("jobs:\n", "jobs:\n\t"), 10, "cannot start any token"),
        (GOOD.encode().replace(b"finance-data@", b"\xff"), 12, "not UTF-8 text (byte 0xff)"),
        (GOOD.replace("finance-data@", "\x00"), 12, "not a YAML file"),
        ("version: " + "[" * 700, 1, "not a YAML file"),
        (GOOD + "---\nversion: 1\n", 21, "another document"),
        ("#" * 1_000_001, 1, "larger than"),
    ],
    ids=["empty", "comment", "list", "not yaml", "tab", "not utf-8", "nul", "deep", "two documents", "huge"],
)
def test_what_is_not_a_jobs_file(tmp_path: Path, content: str | bytes, line: int, message: str) -> None:
    (found,) = problems(tmp_path, content)
    assert found.line == line
    assert message in found.message


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no jobs file"):
        read_jobs_file(tmp_path / "headgate.yml")


def test_a_problem_reads_like_a_compiler_s(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD.replace("schedule:", "shedule:"))
    assert str(found).endswith(
        "headgate.yml:15  jobs.finance.when.shedule: unknown key. Did you mean schedule?"
    )


def test_a_job_reuses_nothing_that_another_environment_builds_as_well(tmp_path: Path) -> None:
    text = """version: 1
environments:
  production: {target: prod, schema: analytics}
  large: {target: prod, schema: analytics, threads: 16}
  staging: {target: prod, schema: staging}
jobs:
  hourly:
    environment: production
    run: [dbt build]
    reuse: {unchanged: true}
  safe:
    environment: staging
    run: [dbt build]
    reuse: {unchanged: true}
  nightly: {environment: large, run: [dbt build]}
"""
    path = tmp_path / "headgate.yml"
    path.write_text(text)
    with pytest.raises(JobsFileError) as caught:
        read_jobs_file(path)
    [problem] = caught.value.problems
    assert (problem.line, problem.path) == (10, "jobs.hourly.reuse")
    assert "environment 'large' has the target and the schema of 'production'" in problem.message
