"""Jobs files for tests: read from a text, and what is wrong with one; `#!` marks the line that must be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.domain.job import Job, JobsFile
from headgate.errors import JobsFileError, Problem

MARK = "#!"
HEAD = """\
version: 1
environments: {production: {target: prod, schema: analytics}}
"""


def read(tmp_path: Path, text: str | bytes) -> JobsFile:
    """The file `headgate.yml` with this content, read."""
    path = tmp_path / "headgate.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_jobs_file(path)


def problems(tmp_path: Path, text: str | bytes) -> list[Problem]:
    """Everything that is wrong with it."""
    with pytest.raises(JobsFileError) as caught:
        read(tmp_path, text)
    assert {problem.file for problem in caught.value.problems} == {str(tmp_path / "headgate.yml")}
    return list(caught.value.problems)


def job(tmp_path: Path, keys: str, before: str = "") -> Job:
    """A job with these keys, one per line, beside `environment` and `run`."""
    return next(found for found in read(tmp_path, with_job(keys, before)).jobs if found.name == "finance")


def with_job(keys: str, before: str = "") -> str:
    """A file with the job `finance`; before: keys of the file."""
    told = "".join(f"    {line}\n" for line in keys.strip("\n").splitlines())
    return f"{HEAD}{before}jobs:\n  finance:\n    environment: production\n    run: [dbt build]\n{told}"


def assert_one(tmp_path: Path, text: str, path: str, words: str) -> None:
    """There is one problem, at `path`, in the marked line, and it is told with these words."""
    (problem,) = problems(tmp_path, text)
    line = next(number for number, line in enumerate(text.splitlines(), 1) if MARK in line)
    assert (problem.path, problem.line) == (path, line)
    assert words in problem.message, problem.message
