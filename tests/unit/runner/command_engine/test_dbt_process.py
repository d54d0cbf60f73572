"""Which command is dbt, and how its process is ended; with small processes in dbt's place."""

import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from headgate.errors import NotFoundError
from headgate_runner.command_engine import dbt_process
from headgate_runner.command_engine.dbt_process import DbtProcess, find_dbt
from headgate_runner.command_engine.invocation_words import command_environment

DEAF = "import signal, sys, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('on', flush=True); "


@pytest.fixture(autouse=True)
def _interrupts_count() -> Iterator[None]:
    """A shell ignores them for what it starts in the background, and children inherit that; in a runner they count."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def process(code: str, tmp_path: Path) -> DbtProcess:
    started = DbtProcess([sys.executable, "-c", code], {"PATH": "/usr/bin:/bin"}, tmp_path)
    assert next(line for line in started.lines(0.1) if line) == "on\n"
    return started


def test_headgate_dbt_comes_first(tmp_path: Path) -> None:
    own = tmp_path / "dbt"
    own.write_text("#!/bin/sh\n")
    with pytest.raises(NotFoundError, match="HEADGATE_DBT"):
        find_dbt({"HEADGATE_DBT": str(own)})
    own.chmod(0o755)
    assert find_dbt({"HEADGATE_DBT": str(own)}) == own
    assert find_dbt({}) == Path(sys.executable).parent / "dbt"


def test_lines_are_read_as_they_come_and_silence_too(tmp_path: Path) -> None:
    code = "import time; print('on', flush=True); time.sleep(0.5); print('\\udcff'.encode('utf8', 'replace'))"
    lines = list(DbtProcess([sys.executable, "-c", code], {}, tmp_path).lines(0.1))
    assert lines[0] in ("on\n", None)
    assert None in lines
    assert lines[-1] == "b'?'\n"


def test_nobody_waits_for_what_a_process_has_left_behind(tmp_path: Path) -> None:
    """Its child holds the output open, as after a kill for want of memory."""
    child = (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    )
    started = DbtProcess([sys.executable, "-c", child + "print('on', flush=True)"], {}, tmp_path)
    began = time.monotonic()
    assert [line for line in started.lines(0.5) if line] == ["on\n"]
    assert time.monotonic() - began < 30
    assert started.returncode == 0


def test_a_process_that_answers_an_interrupt_ends_in_its_own_way(tmp_path: Path) -> None:
    started = process("import time; print('on', flush=True); time.sleep(60)", tmp_path)
    assert started.stop()
    assert started.returncode not in (None, 0)
    assert not started.broke_off
    assert started.stop(), "a second time changes nothing"


def test_a_process_that_only_waits_for_its_input_gets_its_end(tmp_path: Path) -> None:
    started = process(DEAF + "sys.stdin.read(); sys.exit(3)", tmp_path)
    assert started.stop()
    assert started.returncode == 3


def test_a_deaf_process_and_its_children_are_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dbt_process, "INTERRUPT_SECONDS", 0.2)
    monkeypatch.setattr(dbt_process, "CANCEL_SECONDS", 0.2)
    mark = tmp_path / "mark"
    child = f"import time, pathlib; time.sleep(2); pathlib.Path({str(mark)!r}).write_text('alive')"
    deaf = f"import subprocess; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    started = process(DEAF + deaf, tmp_path)
    assert not started.stop()
    assert started.returncode == -9
    assert started.broke_off
    time.sleep(2.2)
    assert not mark.exists()


def test_dbt_gets_the_projects_variables_and_none_that_would_steer_it() -> None:
    given = {
        "DBT_TARGET": "x",
        "DBT_PASSWORD": "p",
        "DBT_ENV_SECRET_A": "s",
        "PYTHONPATH": "/lib",
        "PATH": "/bin",
    }
    found = command_environment(given, "headgate-run-7.1.1.2", ["headgate-run-7.1.1.1"])
    assert "DBT_TARGET" not in found
    assert (found["DBT_PASSWORD"], found["DBT_ENV_SECRET_A"], found["PATH"]) == ("p", "s", "/bin")
    assert found["PYTHONPATH"] == f"{dbt_process.INSIDE}:/lib"
    assert found["HEADGATE_SESSIONS"] == "headgate-run-7.1.1.2"
    assert found["HEADGATE_LOST_SESSIONS"] == "headgate-run-7.1.1.1"
