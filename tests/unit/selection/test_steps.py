"""What a step of a jobs file may select with."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.adapters.jobs_file import read_jobs_file
from headgate.errors import JobsFileError

JOBS = """\
version: 1
environments:
  production: {target: prod, schema: analytics}
jobs:
  nightly:
    environment: production
    run:
      - COMMAND
"""


def read(folder: Path, command: str) -> str:
    place = folder / "headgate.yml"
    place.write_text(JOBS.replace("COMMAND", command))
    return read_jobs_file(place).jobs[0].run[0]


@pytest.mark.parametrize(
    "command",
    [
        "dbt build --selector nightly --indirect-selection buildable",
        "dbt build --select state:modified+ --state production",
        "dbt test --select result:fail --exclude selector:slow --state production",
        "dbt run --select connector:stripe+",
    ],
)
def test_accepts(tmp_path: Path, command: str) -> None:
    assert read(tmp_path, command) == command


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "dbt build --select state:modified+",
            "headgate.yml:8  jobs.nightly.run[0]: 'state:modified+': state: compares",
        ),
        ("dbt build --exclude result:error", "say with which, by --state"),
        ("dbt build --select state:modifed --state production", "did you mean modified"),
        ("dbt build --selector nightly --select a", "exclude each other: dbt would ignore the latter"),
        ("dbt build --select a --indirect-selection eagre", "did you mean eager?"),
    ],
)
def test_refuses(tmp_path: Path, command: str, message: str) -> None:
    with pytest.raises(JobsFileError) as refused:
        read(tmp_path, command)
    assert message in str(refused.value)
