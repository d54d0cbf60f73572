"""Which dbt parses a bundle: the one that is named, else the one beside headgate."""

import sys
from pathlib import Path

import pytest

from headgate.errors import NotFoundError
from headgate_cli.bundle.dbt_parse import find_dbt


def test_a_named_dbt_comes_first_and_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "dbt"
    own.write_text("#!/bin/sh\n")
    own.chmod(0o755)
    monkeypatch.delenv("HEADGATE_DBT", raising=False)
    assert find_dbt() == Path(sys.executable).parent / "dbt"
    monkeypatch.setenv("HEADGATE_DBT", str(tmp_path / "another"))
    with pytest.raises(NotFoundError, match="another"):
        find_dbt()
    monkeypatch.chdir(tmp_path)
    assert find_dbt(Path("./dbt")) == own, "dbt is called in another folder than this one"
