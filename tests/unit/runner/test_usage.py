"""The line that says what a runner has used."""

import re
import time

from headgate_runner.usage import used_until


def seconds_and_megabytes(line: str) -> tuple[float, int]:
    match = re.fullmatch(r"end: (\d+\.\d\d) s of CPU, (\d+) MB", line)
    assert match
    return float(match[1]), int(match[2])


def test_it_counts_this_process_cpu_and_memory() -> None:
    before, memory = seconds_and_megabytes(used_until("end"))
    until = time.process_time() + 0.05
    while time.process_time() < until:
        pass
    after, _ = seconds_and_megabytes(used_until("end"))
    assert 0.04 <= after - before < 5
    assert 20 < memory < 5_000
