"""``local.json`` comes back as it was written, is nobody else's to read, and a damaged one is told so."""

import stat
from pathlib import Path

import pytest

from headgate_local.errors import LocalStackError
from headgate_local.local_file import (
    LocalStack,
    WarehouseAddress,
    read_local_file,
    write_local_file,
)

STACK = LocalStack(
    url="http://127.0.0.1:8080",
    endpoint="http://127.0.0.1:4566",
    warehouse=WarehouseAddress("127.0.0.1", 5432, "headgate", "secret", "warehouse"),
    started_at="2026-01-01T00:00:00+00:00",
    outputs={"TableName": "t"},
    api_token="token",
    fivetran_secret="secret",
    pids={"supervisor": 1},
)


def test_it_comes_back_as_written_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "local.json"
    write_local_file(path, STACK)
    assert read_local_file(path) == STACK
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["local.json"]


def test_no_file_is_no_stack(tmp_path: Path) -> None:
    assert read_local_file(tmp_path / "local.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"warehouse": {}}', '{"warehouse": 7}'])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: str) -> None:
    path = tmp_path / "local.json"
    path.write_text(content)
    with pytest.raises(LocalStackError, match="headgate local reset"):
        read_local_file(path)
