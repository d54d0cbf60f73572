"""How each part of the stack is started, recognised as ready and stopped."""

import os
import signal
import sys

from headgate_local.addresses import answers
from headgate_local.environment import emulator_environment, scrubbed
from headgate_local.parts import EMULATOR, FRONT_DOOR, WAREHOUSE, Part
from headgate_local.places import Places
from headgate_local.warehouse import Warehouse


def warehouse_part(warehouse: Warehouse, port: int) -> Part:
    return Part(
        WAREHOUSE,
        port,
        warehouse.command(port),
        scrubbed(os.environ, LANG="C"),
        lambda: warehouse.make_database(port),
        stop_signal=signal.SIGINT,  # Postgres' fast shutdown: does not wait for clients
        popen_options=warehouse.popen_options(),
    )


def emulator_part(places: Places, port: int) -> Part:
    return Part(
        EMULATOR,
        port,
        [str(places.emulator_python), "-m", "headgate_local.emulator"],
        emulator_environment(places, port, os.environ),
        lambda: answers(port),
        stop_seconds=25,  # runners end first
    )


def front_door_part(places: Places, port: int) -> Part:
    command = [sys.executable, "-m", "headgate_local.front_door", "--project", str(places.project)]
    return Part(
        FRONT_DOOR,
        port,
        [*command, f"--port={port}"],
        scrubbed(os.environ, PYTHONPATH=str(places.source)),
        lambda: answers(port),
        stop_seconds=5,
    )
