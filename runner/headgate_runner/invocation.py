"""One dbt invocation, in this process, with the manifest already loaded and our engine in place of dbt's."""

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from dbt.cli.main import dbtRunner
from dbt.contracts.graph.manifest import Manifest
from dbt.parser.manifest import extended_mashumuro_decoder

from headgate.domain.job import Environment
from headgate.domain.plan import Plan
from headgate.errors import HeadgateError, InputError
from headgate_runner.bundle import Folders
from headgate_runner.log_stream import LogStream
from headgate_runner.share import Share
from headgate_runner.shared_verbs import VERBS, SharedVerb
from headgate_runner.surface import WANTED, UnsupportedDbtError, check_surface, is_tested

SHOWN_LEVELS = ("info", "warn", "error")


class DbtFailedError(HeadgateError):
    """dbt itself could not go on: a database that is down, a bad profile, a hook that does not compile."""


def load_manifest(path: Path) -> Manifest:
    """The parsed project. Raises InputError when this dbt cannot read it."""
    try:
        manifest = Manifest.from_msgpack(path.read_bytes(), decoder=extended_mashumuro_decoder)
    except Exception as fault:
        raise InputError(f"the bundle's {path.name} cannot be read by this dbt: {fault}") from fault
    parsed_by = str(manifest.metadata.dbt_version)
    if not is_tested(parsed_by):
        raise UnsupportedDbtError(f"the bundle was parsed by dbt {parsed_by}: publish it with {WANTED}")
    return manifest


def arguments(plan: Plan, environment: Environment, folders: Folders, state: Path | None = None) -> list[str]:
    """The command line of the plan's command. Selection is only for what reads the arguments; the plan rules.

    state: the folder that `--defer` refers to.
    """
    given = [*plan.command.words, "--target", environment.target, "--threads", str(plan.threads)]
    given += ["--project-dir", str(folders.project), "--profiles-dir", str(folders.project)]
    given += ["--target-path", str(folders.target), "--log-path", str(folders.target)]
    given += ["--log-level", "none", "--log-level-file", "none", "--no-print", "--no-use-colors"]
    # Failing fast has to stop the other runners too: fail_fast.py.
    given += ["--no-version-check", "--no-send-anonymous-usage-stats", "--no-write-json", "--no-fail-fast"]
    return given + (["--state", str(state)] if state is not None else [])


class Invocation:
    """Runs the shared engine. `task` exists once dbt has read the project and the profile."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self.task: SharedVerb | None = None
        self._stopped = False

    def stop(self) -> None:
        """Claim and record nothing any more, also if dbt only comes to its first claim after this. From any thread."""
        self._stopped = True
        if self.task is not None:
            self.task.job_queue.stop()

    def run(self, manifest: Manifest, given: list[str]) -> None:
        """Build this runner's share; returns when nothing is left for it.

        Raises DbtFailedError when dbt could not start, open or close the step. Failed nodes raise nothing.
        """
        runner = dbtRunner(manifest=manifest, callbacks=[lines_of(self._share.log)])
        with self._engine_of(self._share.plan.command.verb):
            outcome = runner.invoke(given)
        if outcome.exception is not None:
            self._raise(outcome.exception)
        if self.task is None:
            raise UnsupportedDbtError("dbt ran without the runner's engine")
        if self.task.job_queue.halted is not None:
            self._share.log.write("warn", f"the step was halted: {self.task.job_queue.halted}")

    def _raise(self, fault: BaseException) -> None:
        phase = self.task.phase if self.task is not None else "starting"
        if phase in ("starting", "opening", "closing") and isinstance(fault, Exception):
            raise DbtFailedError(str(fault) or type(fault).__name__) from fault
        raise fault

    @contextmanager
    def _engine_of(self, verb: str) -> Iterator[None]:
        # dbt's command imports the name when it runs.
        module_name, name, engine = VERBS[verb]
        module = importlib.import_module(module_name)
        original = getattr(module, name)
        check_surface(verb, original)
        setattr(module, name, partial(self._make, engine))
        try:
            yield
        finally:
            setattr(module, name, original)

    def _make(self, engine: type[SharedVerb], args: Any, config: Any, manifest: Any) -> SharedVerb:
        self.task = engine(args, config, manifest, self._share)
        if self._stopped:
            self.stop()
        return self.task


def lines_of(log: LogStream) -> Callable[[Any], None]:
    """dbt's events as log lines. Raises nothing: an exception in here would hang dbt."""

    def write(event: Any) -> None:
        try:
            info = event.info
            if info.level not in SHOWN_LEVELS or not info.msg.strip():
                return
            log.write(info.level, info.msg.rstrip(), _node_of(event), _time_of(info))
        except Exception as fault:  # noqa: BLE001
            log.write("warn", f"an event of dbt could not be logged: {fault!r}")

    return write


def _node_of(event: Any) -> str | None:
    node_info = getattr(event.data, "node_info", None)
    return getattr(node_info, "unique_id", None) or None


def _time_of(info: Any) -> str:
    return f"{info.ts.ToDatetime().isoformat(timespec='milliseconds')}Z"
