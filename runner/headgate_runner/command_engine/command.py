"""Do a step that is one dbt command: claim its only turn, take it, and leave when it is done."""

import time

from headgate.domain.job import Environment
from headgate.domain.plan import COMMAND
from headgate.usecases.begin_run import begin_run
from headgate.usecases.run_nodes import Idle, Over
from headgate_runner.bundle import Folders
from headgate_runner.command_engine.turn import CommandTurn
from headgate_runner.share import Share

# How soon a turn that somebody else still holds is looked at again.
IDLE_SECONDS = 0.5


def run_command(share: Share, environment: Environment, folders: Folders) -> None:
    """Build the step. In the work's thread; the supervision may stop it.

    Raises LeaseLostError, DbtKilledError, and HeadgateError for what is the step's: no dbt, no state to clone from.
    """
    turn = CommandTurn(share, environment, folders)
    share.supervision.attach(turn)
    while not turn.stopped:
        found = share.session.next()
        if isinstance(found, Over):
            if found.halted is not None:
                share.log.write("warn", f"the step was halted: {found.halted}")
            return
        if isinstance(found, Idle):
            time.sleep(IDLE_SECONDS)
            continue
        if found.unique_id != COMMAND:
            raise RuntimeError(f"{found.unique_id} has a turn of its own in a step that is one command")
        begin_run(share.plan.run_id, runs=share.world.runs)
        turn.run(found)
