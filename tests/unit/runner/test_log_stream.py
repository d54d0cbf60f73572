"""A log that never blocks and never fails."""

import io
import json
from collections.abc import Mapping, Sequence
from time import sleep
from typing import Any

import pytest

from headgate.adapters.memory import MemoryArtifactStore
from headgate_runner import log_stream
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor
from headgate_runner.settings import RunnerSettings

SETTINGS = RunnerSettings(run_id=7, step=1, runner=2)


class Unsteady(MemoryArtifactStore):
    """A store that refuses the first chunks it is given."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals
        self.sequences: list[int] = []

    def append_log(
        self, run_id: int, step: int, runner: int, sequence: int, lines: Sequence[Mapping[str, Any]]
    ) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError("away")
        self.sequences.append(sequence)
        super().append_log(run_id, step, runner, sequence, lines)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(log_stream, "CHUNK_SECONDS", 0.02)


def stored(store: MemoryArtifactStore) -> list[str]:
    return [line["message"] for line in store.logs(7, 1)]


def test_lines_go_to_stdout_and_store_with_node_level_and_without_secrets() -> None:
    out, store = io.StringIO(), MemoryArtifactStore()
    log = LogStream(store, SETTINGS, Redactor(["s3cret"]), out)
    log.begin(1)
    log.write("info", "the s3cret is out", "model.shop.a", "2026-11-22T20:00:00.000Z")
    log.close(2)

    expected = {
        "at": "2026-11-22T20:00:00.000Z",
        "runner": 2,
        "node": "model.shop.a",
        "level": "info",
        "message": "the ***** is out",
    }
    assert [json.loads(line) for line in out.getvalue().splitlines()] == [expected]
    assert store.logs(7, 1) == [expected]


def test_a_store_that_is_away_gets_everything_later_in_order() -> None:
    out, store = io.StringIO(), Unsteady(refusals=3)
    log = LogStream(store, SETTINGS, Redactor(), out)
    log.begin(2)
    for number in range(50):
        log.write("info", str(number), at=f"{number:04d}")
    while store.refusals:
        sleep(0.01)
    log.close(2)

    assert stored(store) == [str(number) for number in range(50)]
    assert store.sequences[0] == 2_000_000
    assert "log not stored yet: away" in out.getvalue()


def test_lines_before_the_lease_are_kept_for_it() -> None:
    store = MemoryArtifactStore()
    log = LogStream(store, SETTINGS, Redactor(), io.StringIO())
    log.write("debug", "early")
    log.begin(1)
    log.close(2)
    assert stored(store) == ["early"]


def test_an_output_that_nobody_reads_costs_no_stored_line() -> None:
    class Closed(io.StringIO):
        def write(self, _: str) -> int:
            raise BrokenPipeError

    store = MemoryArtifactStore()
    log = LogStream(store, SETTINGS, Redactor(), Closed())
    log.begin(1)
    log.write("info", "still here")
    log.close(2)
    assert stored(store) == ["still here"]


def test_only_the_newest_lines_are_kept_while_the_store_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_stream, "MOST_PENDING", 3)
    store = MemoryArtifactStore()
    log = LogStream(store, SETTINGS, Redactor(), io.StringIO())
    for number in range(10):
        log.write("info", str(number), at=f"{number:04d}")
    log.begin(1)
    log.close(2)
    assert stored(store) == ["7", "8", "9"]
