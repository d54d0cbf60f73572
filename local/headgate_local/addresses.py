"""Ports on the loopback address."""

import socket
from collections.abc import Iterable

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """True when nothing listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def any_free_port(preferred: int | None = None) -> int:
    """A free port, the preferred one if it is free: clients keep their settings over a restart."""
    if preferred and is_free(preferred):
        return preferred
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def next_free_port(wanted: int, taken: Iterable[int] = ()) -> int:
    """The wanted port, or the next one above it that is free."""
    taken = set(taken)
    for port in range(wanted, 65536):
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port from {wanted} on")


def answers(port: int) -> bool:
    """True when something accepts connections on the port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
