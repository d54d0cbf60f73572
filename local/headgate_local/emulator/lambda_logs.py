"""A Lambda that logs nothing answers at once.

ministack waits 50 ms after each call for a first line of log, several times the cost of a warm call.
"""

from typing import Any

from ministack.core import lambda_runtime

from headgate_local.emulator.anchors import anchor

FIRST_LINE_SECONDS = 0.005


def install() -> None:
    drain = anchor(lambda_runtime.Worker, "_drain_stderr_bounded", "self", "first_line_wait")

    def drain_quickly(worker: Any) -> Any:
        return drain(worker, first_line_wait=FIRST_LINE_SECONDS)

    lambda_runtime.Worker._drain_stderr_bounded = drain_quickly
