"""Processes are told apart by more than their ids, and parts that end are reported by name."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from headgate_local.parts import PartState, PartStatus, Report, ending_of, read_report, write_report
from headgate_local.processes import ProcessIdentity, group_is_alive, signal_group, wait_until_gone
from headgate_local.runners import Runner, end_leftover_runners, runners, write_pid_file
from headgate_local.stack import status

SLEEPING = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_a_process_is_known_by_its_start_too() -> None:
    me = ProcessIdentity.of(os.getpid())
    assert me.is_running
    assert not ProcessIdentity(me.pid, me.start_ticks + 1).is_running  # the id was used again


def test_an_ended_process_is_gone_even_as_a_zombie() -> None:
    process = subprocess.Popen(SLEEPING, start_new_session=True)
    identity = ProcessIdentity.of(process.pid)
    assert not wait_until_gone(identity, 0.1)
    assert group_is_alive(process.pid)
    signal_group(process.pid, signal.SIGKILL)
    assert wait_until_gone(identity, 5)
    assert not group_is_alive(process.pid)
    process.wait()
    signal_group(process.pid, signal.SIGKILL)  # nobody there: no error


def test_an_ending_names_the_part_and_shows_its_last_lines(tmp_path: Path) -> None:
    log = tmp_path / "warehouse.log"
    log.write_text("".join(f"line {number}\n" for number in range(20)))
    text = ending_of("warehouse", 1, log)
    assert text.startswith("part 'warehouse' ended with code 1; last lines of its log")
    assert "line 19" in text
    assert "line 11" not in text
    assert "by signal SIGKILL" in ending_of("emulator", -9, tmp_path / "none.log")


def test_a_report_comes_back_and_tells_what_failed(tmp_path: Path) -> None:
    path = tmp_path / "parts.json"
    whole = Report(
        ProcessIdentity(1, 2),
        {"warehouse": PartStatus("warehouse", PartState.RUNNING, 3, 5432)},
        {"warehouse": ProcessIdentity(3, 4)},
        ("made /home passable",),
    )
    write_report(path, whole)
    assert read_report(path) == whole
    assert whole.is_ready
    assert whole.failure is None
    failed = PartStatus("warehouse", PartState.FAILED, 3, 5432, "part 'warehouse' ended")
    assert Report(whole.supervisor, {"warehouse": failed}, {}).failure == "part 'warehouse' ended"
    path.write_text("{")
    assert read_report(path) is None


def test_what_a_crashed_machine_left_behind_is_not_taken_for_running(tmp_path: Path) -> None:
    state = tmp_path / ".headgate"
    state.mkdir()
    me = ProcessIdentity.of(os.getpid())
    used_again = ProcessIdentity(me.pid, me.start_ticks + 1)
    part = PartStatus("warehouse", PartState.RUNNING, me.pid, 5432)
    write_report(state / "parts.json", Report(used_again, {"warehouse": part}, {"warehouse": used_again}))
    (found,) = status(tmp_path)
    assert found.state is PartState.STOPPED


def test_left_over_runners_are_ended_and_strangers_are_not(tmp_path: Path) -> None:
    folder = tmp_path / "one-runner"
    folder.mkdir()
    runner = subprocess.Popen(SLEEPING, cwd=folder, start_new_session=True)
    stranger = subprocess.Popen(SLEEPING, cwd=tmp_path, start_new_session=True)
    try:
        write_pid_file(folder.with_name("one-runner.pid"), runner.pid, {})
        write_pid_file(folder.with_name("other-runner.pid"), stranger.pid, {})  # its id was used again
        assert end_leftover_runners(tmp_path) == [runner.pid]
        assert runner.wait(5) == -signal.SIGKILL
        assert stranger.poll() is None
        assert not list(tmp_path.glob("*.pid"))
    finally:
        for process in (runner, stranger):
            process.kill()
            process.wait()


def test_living_runners_are_found_by_run_step_and_number(tmp_path: Path) -> None:
    home = tmp_path / ".headgate" / "runners"
    started = {}
    try:
        for run, number in (("7", "2"), ("7", "1"), ("8", "1")):
            folder = home / f"{run}-{number}"
            folder.mkdir(parents=True)
            process = subprocess.Popen(SLEEPING, cwd=folder, start_new_session=True)
            names = {"HEADGATE_RUN_ID": run, "HEADGATE_STEP": "1", "HEADGATE_RUNNER": number, "OTHER": "x"}
            write_pid_file(folder.with_name(f"{folder.name}.pid"), process.pid, names)
            started[int(run), int(number)] = process
        (home / "half.pid").write_text("")
        started[8, 1].kill()
        started[8, 1].wait()
        assert runners(tmp_path) == [Runner(7, 1, 1, started[7, 1].pid), Runner(7, 1, 2, started[7, 2].pid)]
    finally:
        for process in started.values():
            process.kill()
            process.wait()
    assert runners(tmp_path) == []
