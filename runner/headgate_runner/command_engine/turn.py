"""The one turn of a step that is one dbt command: call it, record what it says, judge what it leaves.

`run` happens in the work's thread, `stop` comes from the main thread when somebody wants the runner to end.
"""

import json
import os
import shutil
import time
from contextlib import suppress
from threading import Lock

from headgate.domain.bundle import METADATA, PARTIAL_PARSE
from headgate.domain.command import Command
from headgate.domain.job import Environment
from headgate.domain.plan import COMMAND
from headgate.domain.queue import Claim
from headgate.errors import HeadgateError, InputError
from headgate.usecases.disown_builds import BUILDING, disown_builds
from headgate_runner.bundle import Folders
from headgate_runner.command_engine.dbt_process import DbtProcess, find_dbt
from headgate_runner.command_engine.elsewhere import index_of, may_stay, stayed
from headgate_runner.command_engine.invocation_words import command_arguments, command_environment
from headgate_runner.command_engine.json_log import LogLine, Said, read_line
from headgate_runner.command_engine.records import Records
from headgate_runner.command_engine.remaining import command_for, is_done, remaining
from headgate_runner.command_engine.results import expected_of
from headgate_runner.command_engine.verdict import Verdict
from headgate_runner.share import Share
from headgate_runner.state_folder import fetch_state

TICK_SECONDS = 1.0
STOPPED = 2


class CommandTurn:
    """One attempt of a step's dbt command. A `Stoppable` for the runner's supervision."""

    def __init__(self, share: Share, environment: Environment, folders: Folders) -> None:
        self._share, self._environment, self._folders = share, environment, folders
        self._lock = Lock()
        self._process: DbtProcess | None = None
        self._stopped = False
        self._records = Records(share)
        self._verdict = Verdict(share, folders, self._records)
        self._said = Said()
        self._parsed_by = ""

    @property
    def stopped(self) -> bool:
        return self._stopped

    def stop(self, reason: str) -> None:
        """End dbt and its queries. Of what it says from now on, only successes are recorded."""
        with self._lock:
            self._stopped = True
            process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._share.log.write("warn", f"ending dbt: {reason}")
            if not process.stop():
                self._share.log.write("warn", "dbt did not end when asked to; it was killed")
        if process.broke_off or self._share.plan.command.verb == "run-operation":
            self._hand_back_uncertain()

    def _hand_back_uncertain(self) -> None:
        """Nobody knows what it wrote: dbt cancelled no query, or it is an operation, which commits when it wants."""
        share = self._share
        run_id, step, runner = share.plan.run_id, share.plan.step, share.settings.runner
        with suppress(HeadgateError):
            share.world.queue.hand_back(
                run_id, step, COMMAND, runner=runner, epoch=share.session.epoch, uncertain=True
            )

    def run(self, claim: Claim) -> None:
        """Take the turn; how the command ended is recorded.

        Raises LeaseLostError, DbtKilledError, and what keeps dbt from being called at all.
        """
        began = time.monotonic()
        message = self._refusal(claim) or self._build_and_disown(claim)
        if self._stopped:
            return
        if message is not None:
            self._share.log.write("error", message)
        self._share.session.finish(COMMAND, self._verdict.result(message, time.monotonic() - began))

    def _refusal(self, claim: Claim) -> str | None:
        """Why an attempt must not begin, after one that ended without anybody knowing what it wrote."""
        plan = self._share.plan
        if not claim.uncertain or plan.retries.non_idempotent:
            return None
        left = remaining(plan, self._verdict.recorded())
        unsafe = [node.unique_id for node in plan.nodes if not node.repeatable and node.unique_id in left]
        if plan.command.verb == "run-operation":
            unsafe = [plan.command.macro]
        if not unsafe:
            return None
        return (
            f"{', '.join(unsafe[:3])} may have written already, since the attempt before was lost; "
            "it is repeated only with retries.non_idempotent: true"
        )

    def _build_and_disown(self, claim: Claim) -> str | None:
        self._disown(afterwards=False)
        message = self._build(claim)
        if not self._stopped:
            self._share.check_lease()
            self._disown(afterwards=True)
        return message

    def _disown(self, *, afterwards: bool) -> None:
        """What other runs remember of the relations that this command builds."""
        share, plan = self._share, self._share.plan
        if plan.command.verb not in BUILDING:
            return
        built = {node.unique_id for node in plan.nodes if node.resource_type != "test"}
        if afterwards:
            built |= {result.unique_id for result in self._verdict.recorded()}
        if plan.schema:
            built = self._in_its_own_place(built, afterwards=afterwards)
        owner = {"runner": share.settings.runner, "epoch": share.session.epoch}
        disown_builds(plan, sorted(built), states=share.world.states, **owner, afterwards=afterwards)

    def _in_its_own_place(self, built: set[str], *, afterwards: bool) -> set[str]:
        index = index_of(self._share.plan, self._share.world.bundles)
        if not afterwards:
            return may_stay(built, index, self._environment)
        found = stayed(self._verdict.recorded(), index)
        if found:
            some = ", ".join(sorted(found)[:3])
            self._share.log.write(
                "warn",
                f"{len(found)} nodes do not follow the target's schema and were built in place: {some}",
            )
        return found

    def _build(self, claim: Claim) -> str | None:
        """Run dbt to its end; why the step failed, None when it did not."""
        plan, expected = self._share.plan, expected_of(self._share.plan)
        command = plan.command
        if claim.attempt > 1 and command.is_graph and plan.nodes:
            left = remaining(plan, self._verdict.recorded())
            if not left:
                return None
            self._share.log.write("info", f"{len(left)} nodes are left of the attempt before")
            command, expected = command_for(plan, left, self._share.world.bundles), expected & left
        code = self._call(command)
        return None if self._stopped else self._verdict.judge(code, self._said, expected)

    def _call(self, command: Command) -> int:
        """dbt's exit code; minus the signal's number if one ended it."""
        process = self._start(command)
        if process is None:
            return STOPPED
        try:
            for text in process.lines(TICK_SECONDS):
                if text is not None:
                    self._read(read_line(text))
        except BaseException:
            # Nobody reads dbt any more, so nobody would know what it does.
            process.stop()
            raise
        code = process.returncode
        return STOPPED if code is None else code

    def _start(self, command: Command) -> DbtProcess | None:
        """None: the runner was stopped before dbt began."""
        share, folders = self._share, self._folders
        self._parsed_by = json.loads(share.world.bundles.read(share.plan.bundle, METADATA))["dbt_version"]
        state = fetch_state(share, folders.target.parent / "state")
        shutil.copyfile(folders.partial_parse, folders.target / PARTIAL_PARSE)
        words = command_arguments(find_dbt(), share.plan, self._environment, folders, command.words, state)
        variables = command_environment(os.environ, share.tag, share.void_tags())
        share.log.write("info", f"{share.plan.command.line} · by {words[0]}")
        if command.verb == "deps":
            share.log.write(
                "info", "packages are part of the bundle: this installs into this step's copy only"
            )
        share.check_lease()
        with self._lock:
            if not self._stopped:
                self._process = DbtProcess(words, variables, folders.project)
            return self._process

    def _read(self, line: LogLine) -> None:
        self._said.hear(line)
        if line.version:
            self._check_version(line.version)
        if line.is_shown:
            self._share.log.write(line.level, line.message, line.node or None, line.at or None)
        # A node that the stop interrupts is no result of the run: it is built again.
        if line.result is not None and (not self._stopped or is_done(line.result)):
            self._records.record_event(line.result)

    def _check_version(self, version: str) -> None:
        if version.split(".")[:2] != self._parsed_by.split(".")[:2]:
            raise InputError(
                f"the bundle was parsed by dbt {self._parsed_by}, this runner's command is dbt {version}: "
                "publish with the runner's dbt, or give the runner the bundle's (HEADGATE_DBT)"
            )
