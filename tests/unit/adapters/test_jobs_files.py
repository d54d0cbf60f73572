"""Several files as one: names are shared, and each problem is told with its own file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.adapters.jobs_file import read_jobs_files
from headgate.errors import JobsFileError, NotFoundError

FILES = {
    "environments.yml": "version: 1\nproject: shop\nenvironments: {production: {target: prod, schema: analytics}}\n"
    "variables: {A: '1'}\nreceivers: {erp: {subject: $.model}}\n",
    "finance.yaml": "version: 1\nvariables: {B: '2'}\njobs:\n  finance:\n    environment: production\n"
    "    run: [dbt build]\n    when: {webhook: {from: [erp/orders]}, after: {jobs: [load]}}\n"
    'alerts: [{send: [{slack: "#finance"}]}]\n',
    "load.yml": "version: 1\naccount: {max_parallel_runs: 3}\n"
    "jobs:\n  load: {environment: production, run: [dbt seed]}\n"
    'alerts: [{send: [{slack: "#load"}]}]\n',
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "notes.txt").write_text("no jobs file")
    return tmp_path


def change(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))


def told(folder: Path, *paths: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(JobsFileError) as caught:
        read_jobs_files(paths or [folder])
    return [(Path(one.file).name, one.line, one.path, one.message) for one in caught.value.problems]


def test_a_folder_is_one_whole(folder: Path) -> None:
    found = read_jobs_files([folder])
    assert (found.origin, found.project, found.max_parallel_runs) == ("shop", "shop", 3)
    assert [job.name for job in found.jobs] == ["finance", "load"]
    assert [job.environment for job in found.jobs] == ["production", "production"]
    assert found.environments[0].project_variables == {"A": "1", "B": "2"}
    assert [rule.send for rule in found.alerts] == [(("slack", "#finance"),), (("slack", "#load"),)]


def test_files_are_named_one_by_one_and_count_once(folder: Path) -> None:
    paths = [folder / name for name in ("load.yml", "environments.yml", "finance.yaml")]
    found = read_jobs_files([*paths, folder / "load.yml", folder])
    assert [job.name for job in found.jobs] == ["load", "finance"]
    assert read_jobs_files(paths, "other").origin == "other"


def test_a_name_twice_says_both_places(folder: Path) -> None:
    change(
        folder, "load.yml", "  load: {", "  finance: {environment: production, run: [dbt seed]}\n  load: {"
    )
    (problem,) = told(folder)
    assert problem[:3] == ("load.yml", 4, "jobs.finance")
    assert f"the other one is {folder / 'finance.yaml'}:4" in problem[3]


@pytest.mark.parametrize("section", ["environments", "receivers", "variables", "secrets"])
def test_every_section_is_shared(folder: Path, section: str) -> None:
    written = {
        "environments": "production: {target: prod, schema: x}",
        "receivers": "erp: {}",
        "variables": "A: '2'",
        "secrets": "X: warehouse/a#b",
    }[section]
    (folder / "more.yml").write_text(f"version: 1\n{section}: {{{written}}}\n")
    if section == "secrets":
        (folder / "most.yml").write_text(f"version: 1\n{section}: {{{written}}}\n")
    name = {"environments": "production", "receivers": "erp", "variables": "A", "secrets": "X"}[section]
    assert [problem[2] for problem in told(folder)] == [f"{section}.{name}"]


def test_what_is_said_once_may_be_repeated_but_not_changed(folder: Path) -> None:
    change(folder, "load.yml", "version: 1\n", "version: 1\nproject: shop\n")
    change(folder, "finance.yaml", "version: 1\n", "version: 1\naccount: {max_parallel_runs: 3}\n")
    assert read_jobs_files([folder]).max_parallel_runs == 3
    change(folder, "load.yml", "project: shop", "project: other")
    change(folder, "load.yml", "max_parallel_runs: 3", "max_parallel_runs: 4")
    assert [problem[:3] for problem in told(folder)] == [
        ("load.yml", 2, "project"),
        ("load.yml", 3, "account.max_parallel_runs"),
    ]
    assert "'other' here, 'shop' in" in told(folder)[0][3]


def test_every_problem_has_its_own_file_and_line(folder: Path) -> None:
    change(folder, "finance.yaml", "[erp/orders]", "[erq/orders]")
    change(folder, "finance.yaml", "environment: production", "environment: prodution")
    change(folder, "load.yml", "run: [dbt seed]", "run: [dbt sead]")
    change(folder, "environments.yml", "target: prod", "taget: prod")
    found = told(folder)
    assert [problem[:3] for problem in found] == [
        ("environments.yml", 3, "environments.production.taget"),
        ("finance.yaml", 5, "jobs.finance.environment"),
        ("finance.yaml", 7, "jobs.finance.when.webhook.from[0]"),
        ("load.yml", 4, "jobs.load.run[0]"),
    ]


def test_two_files_that_are_no_yaml_are_told_together(folder: Path) -> None:
    (folder / "load.yml").write_text("jobs: [")
    (folder / "finance.yaml").write_text("")
    assert [problem[0] for problem in told(folder)] == ["finance.yaml", "load.yml"]


def test_classes_of_failures_are_known_across_files(folder: Path) -> None:
    change(folder, "load.yml", "run: [dbt seed]", "run: [dbt seed], retries: {on: [busy]}")
    assert told(folder)[0][:3] == ("load.yml", 4, "jobs.load.retries.on[0]")
    change(
        folder,
        "environments.yml",
        "schema: analytics",
        "schema: analytics, error_classes: {busy: {match: odd}}",
    )
    assert read_jobs_files([folder]).jobs[1].retries.on == ("busy",)


def test_reuse_looks_at_the_environments_of_all_files(folder: Path) -> None:
    change(folder, "load.yml", "jobs:", "environments: {large: {target: prod, schema: analytics}}\njobs:")
    change(folder, "finance.yaml", "    run:", "    reuse: true\n    run:")
    (problem,) = told(folder)
    assert problem[:3] == ("finance.yaml", 6, "jobs.finance.reuse")


def test_the_files_of_a_folder_need_a_name_that_stays_theirs(folder: Path) -> None:
    change(folder, "environments.yml", "project: shop\n", "")
    (problem,) = told(folder)
    assert problem[:3] == ("environments.yml", 1, "project")
    assert "the files of a folder need a name that stays theirs" in problem[3]
    assert read_jobs_files([folder], "shop").origin == "shop"
    named = [folder / name for name in ("load.yml", "environments.yml", "finance.yaml")]
    assert read_jobs_files(named).origin == "load.yml"


def test_a_circle_through_two_files(folder: Path) -> None:
    change(folder, "load.yml", "run: [dbt seed]", "run: [dbt seed], when: {after: {jobs: [finance]}}")
    (problem,) = told(folder)
    assert "never start:" in problem[3]


def test_folders_without_jobs_files(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no jobs file \(\*\.yml\)"):
        read_jobs_files([tmp_path])
    (tmp_path / "dbt_project.yml").write_text("name: shop\n")
    (tmp_path / "headgate.yml").write_text(FILES["environments.yml"])
    (problem,) = told(tmp_path)
    assert "the folder is a dbt project: name its headgate.yml" in problem[3]
    with pytest.raises(NotFoundError):
        read_jobs_files([tmp_path / "headgate.yml", tmp_path / "missing.yml"])
