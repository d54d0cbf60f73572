"""A real runner that counts the CPU seconds its threads spend in our functions; its last line is their JSON.

A function that is called by another one of these counts for the outer one only.
"""

import json
import os
import resource
import sys
from collections import defaultdict
from collections.abc import Callable
from threading import Lock, local
from time import thread_time
from typing import Any

from headgate.bootstrap import world
from headgate_runner import relations, run_results
from headgate_runner.entrypoint import run
from headgate_runner.heartbeat import Heartbeat
from headgate_runner.log_stream import LogStream
from headgate_runner.settings import RunnerSettings
from headgate_runner.shared_queue import SharedQueue

OURS: dict[str, list[tuple[Any, str]]] = {
    "claims": [(SharedQueue, "look")],
    "records and releases": [(SharedQueue, "finish")],
    "results as records": [(run_results, "to_record")],
    "relation caches": [(relations, "remember"), (relations, "refresh"), (relations, "recover")],
    "log": [(LogStream, "write"), (LogStream, "_carry")],
    "heartbeat": [(Heartbeat, "_beat")],
}
_spent: dict[str, float] = defaultdict(float)
_lock, _depth = Lock(), local()


def counted(part: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose thread's CPU time is added to `part`."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if getattr(_depth, "inside", False):
            return original(*args, **kwargs)
        _depth.inside, began = True, thread_time()
        try:
            return original(*args, **kwargs)
        finally:
            _depth.inside = False
            with _lock:
                _spent[part] += thread_time() - began

    return call


def main() -> None:
    for part, functions in OURS.items():
        for owner, name in functions:
            setattr(owner, name, counted(part, getattr(owner, name)))
    code = run(RunnerSettings.from_environment(), world())
    used = resource.getrusage(resource.RUSAGE_SELF)
    print("\n" + json.dumps({**_spent, "process": used.ru_utime + used.ru_stime}))
    sys.stdout.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
