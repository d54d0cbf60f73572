"""A container as a process: who gets which signal, and which code it ends with."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headgate_local.emulator.runner_process import RunnerProcess

Start = Callable[..., RunnerProcess]
# Writes a line for every SIGTERM; leaves at the second one. Its child ignores SIGTERM.
PATIENT = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
terms = []
def term(*_):
    terms.append(1)
    print("term", flush=True)
    if len(terms) == 2:
        os._exit(143)
signal.signal(signal.SIGTERM, term)
print("child", child.pid, flush=True)
while True:
    time.sleep(0.05)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[RunnerProcess] = []

    def run(code: str, stop_timeout: float = 30) -> RunnerProcess:
        process = RunnerProcess(
            [sys.executable, "-c", code],
            {"PATH": os.defpath},
            folder=tmp_path / f"{len(started)}-runner",
            log=tmp_path / f"{len(started)}.log",
            stop_timeout=stop_timeout,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.stop(longest=0.1)
        process.remove()


def said(process: RunnerProcess, words: str) -> str:
    """The log as soon as these words are in it."""
    until = time.monotonic() + 20
    while words not in (log := bytes(process.logs()).decode()):
        assert time.monotonic() < until, log
        time.sleep(0.02)
    return log


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_who_insists_sends_a_second_sigterm(start: Start) -> None:
    process = start(PATIENT)
    said(process, "child")
    begun = time.monotonic()
    process.stop(insist=0.3)
    assert time.monotonic() - begun < 25, "not its whole StopTimeout"
    assert bytes(process.logs()).decode().count("term") == 2
    assert process.wait()["StatusCode"] == 143


def test_only_the_first_process_is_asked_and_nothing_of_it_is_left(start: Start) -> None:
    process = start(PATIENT, stop_timeout=0.5)
    child = int(said(process, "child").split()[1])
    process.stop()
    assert bytes(process.logs()).decode().count("term") == 1
    assert process.wait()["StatusCode"] == 137, "killed at the end of its StopTimeout"
    until = time.monotonic() + 10
    while lives(child) and time.monotonic() < until:
        time.sleep(0.02)
    assert not lives(child)


def test_a_process_that_ended_by_itself_keeps_its_code(start: Start) -> None:
    process = start("raise SystemExit(75)")
    assert process.wait()["StatusCode"] == 75
    process.stop()
    assert process.wait()["StatusCode"] == 75
