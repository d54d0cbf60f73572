"""Every difference from stock ministack, in the order in which it is put on."""

from pathlib import Path

from headgate_local.emulator import (
    alarms,
    ecs_definitions,
    ecs_events,
    ecs_launch,
    ecs_stop,
    execution_abort,
    expressions,
    fan_out,
    generated_secrets,
    lambda_dead_letters,
    lambda_environment,
    lambda_errors,
    lambda_logs,
    lambda_packages,
    machine_definitions,
    request_cookies,
    run_task_sync,
    schedules,
    state_fields,
    tables,
)
from headgate_local.emulator.anchors import check_version
from headgate_local.emulator.runner_engine import RunnerEngine


def install(engine: RunnerEngine, *, cache: Path) -> None:
    """Put every patch on. Raises MissingAnchorError when the emulator is not the one they were written for."""
    check_version()
    ecs_launch.install(engine)
    ecs_stop.install(engine)
    ecs_events.install()
    ecs_definitions.install()
    lambda_errors.install()
    lambda_dead_letters.install()
    lambda_environment.install()
    lambda_packages.install(cache)
    lambda_logs.install()
    machine_definitions.install()
    execution_abort.install()
    state_fields.install()
    run_task_sync.install()
    fan_out.install()
    schedules.install()
    tables.install()
    expressions.install()
    alarms.install()
    request_cookies.install()
    generated_secrets.install()
