"""`headgate-runner`: the container's only process. Takes no arguments, says by its exit code how it ended.

0: the share is done, or the step was halted with a reason; failed nodes are records. 75: the lease was lost.
128 + n: ended by signal n (143 for SIGTERM). 137: its dbt command was killed, so it had too little memory. 1: crashed;
the state machine starts the runner again.
"""

import atexit
import os
import signal
import sys
from typing import NoReturn

from headgate_runner.leaving import DONE
from headgate_runner.log_stream import LogStream
from headgate_runner.redaction import Redactor
from headgate_runner.settings import RunnerSettings, secret_values
from headgate_runner.share import World
from headgate_runner.supervision import Supervision
from headgate_runner.usage import used_until
from headgate_runner.work import Work

LOG_SECONDS = 2.0


def main() -> NoReturn:
    """The console script: ports from the environment, then `run`."""
    from headgate.bootstrap import world

    leave(run(RunnerSettings.from_environment(), world()))


def run(settings: RunnerSettings, world: World) -> int:
    """Be one runner of one step; returns the exit code. Must be called from the main thread."""
    supervision = Supervision()
    redactor = Redactor(secret_values())
    with supervision.signals():
        log = LogStream(world.artifacts, settings, redactor)
        work = Work(settings, world, redactor, log, supervision)
        work.start()
        code = work.end(supervision.wait())
        # With its handlers still there: a signal now is for a runner that has left already, and changes nothing.
        log.write("debug", used_until("end"))
        log.close(LOG_SECONDS)
    return code


def leave(code: int) -> NoReturn:
    """End the process now: no thread that waits for a database may keep it, no late signal change its code."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.flush()
    sys.stderr.flush()
    if code == DONE:
        # dbt's locks are semaphores of the system's; nothing else is left to wait for.
        atexit._run_exitfuncs()
    os._exit(code)
