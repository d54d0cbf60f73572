"""RunTask starts local processes.

ministack asks a Docker daemon for containers and, without one, leaves an ECS task RUNNING for ever. It gets
our engine instead. It also forgets two things of a container definition that matter to a runner: its entry
point and its StopTimeout.
"""

from typing import Any

from ministack.services import ecs

from headgate_local.emulator.anchors import anchor
from headgate_local.emulator.runner_engine import RunnerEngine


def install(engine: RunnerEngine) -> None:
    anchor(ecs, "_get_docker")
    build = anchor(ecs, "_build_run_kwargs", "cdef", "td", "env")

    def build_with_entry_point(container: dict[str, Any], *rest: Any, **named: Any) -> dict[str, Any]:
        options: dict[str, Any] = build(container, *rest, **named)
        options["entrypoint"] = container.get("entryPoint")
        options["stop_timeout"] = container.get("stopTimeout")
        return options

    ecs._get_docker = lambda: engine
    ecs._build_run_kwargs = build_with_entry_point
