"""Serves the emulator on one loopback port until SIGTERM, and leaves no process behind.

ministack's own ``main`` leaves on SIGTERM while its threads and Lambda processes go on. Here runners are asked
to stop while the emulator still answers (they give their claims back), then the state is saved, then the
Lambdas end, then the process itself, whatever threads are parked.
"""

import asyncio
import logging
import os
import signal
import sys

import ministack.app
from hypercorn.asyncio import serve  # type: ignore[import-not-found]
from hypercorn.config import Config  # type: ignore[import-not-found]
from ministack.core import lambda_runtime

from headgate_local.emulator.runner_engine import RunnerEngine

GRACEFUL_SECONDS = 1.0
KEEP_ALIVE_SECONDS = 75


def run(port: int, engine: RunnerEngine) -> None:
    """Serve on 127.0.0.1 until SIGTERM or SIGINT; does not return."""
    try:
        asyncio.run(_serve(port, engine))
    finally:
        lambda_runtime.reset()
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)  # parked threads of executions would keep the process for ever


async def _serve(port: int, engine: RunnerEngine) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    config.keep_alive_timeout = KEEP_ALIVE_SECONDS
    config.graceful_timeout = GRACEFUL_SECONDS
    config.loglevel = "WARNING"

    async def until_runners_ended() -> None:
        await stopping.wait()
        await asyncio.to_thread(engine.stop_all)

    await serve(ministack.app.app, config, shutdown_trigger=until_runners_ended)
