"""How a dbt command ended: its exit code, its results and its artifacts become records and one sentence."""

from headgate.domain.plan import COMMAND
from headgate.domain.results import NodeResult, NodeStatus
from headgate_runner.bundle import Folders
from headgate_runner.command_engine.json_log import Said
from headgate_runner.command_engine.records import Records
from headgate_runner.command_engine.results import (
    ARTIFACTS,
    CATALOG,
    RESULTS_OF,
    SOURCES,
    ResultsMissingError,
    check_catalog,
    check_complete,
    read_results,
    source_entry,
)
from headgate_runner.share import Share
from headgate_runner.supervision import DbtKilledError

# dbt's exit code when nodes failed; 0 is success, anything else that it could not go on.
FAILED_NODES = 1


class Verdict:
    """Judges what one dbt command leaves behind in its target folder."""

    def __init__(self, share: Share, folders: Folders, records: Records) -> None:
        self._share, self._folders, self._records = share, folders, records

    def judge(self, code: int, said: Said, expected: set[str]) -> str | None:
        """Record and keep everything; returns why the step failed, None when it did not.

        expected: the nodes that this command had to build. Raises DbtKilledError.
        """
        if code < 0:
            raise DbtKilledError(-code)
        self._keep_artifacts()
        missing = self._record_results(code, said, expected)
        if code == 0:
            return missing
        if said.failed_checks is not None:
            return "\n".join(said.failed_checks) or None
        failed = sum(result.failed for result in self.recorded())
        if code == FAILED_NODES and failed:
            nodes = "1 node failed" if failed == 1 else f"{failed} nodes failed"
            return f"{nodes}; {missing}" if missing else nodes
        return said.last or f"dbt ended with exit code {code} and said nothing"

    def recorded(self) -> list[NodeResult]:
        """What is known of the step's nodes by now."""
        plan = self._share.plan
        return [r for r in self._share.world.queue.results(plan.run_id, plan.step) if r.unique_id != COMMAND]

    def result(self, message: str | None, seconds: float) -> NodeResult:
        """The end of the step's only turn; message: why it failed."""
        status = NodeStatus.SUCCESS if message is None else NodeStatus.ERROR
        entry = {
            "unique_id": COMMAND,
            "status": status.value,
            "message": self._share.redactor.text(message or ""),
            "execution_time": seconds,
            "failures": None,
        }
        return NodeResult(COMMAND, status, entry, self._share.settings.runner)

    def _record_results(self, code: int, said: Said, expected: set[str]) -> str | None:
        plan = self._share.plan
        name = RESULTS_OF.get(plan.command.verb)
        try:
            if code == 0 and plan.command.verb == "docs generate":
                check_catalog(self._folders.target / CATALOG, said.invocation)
            if name is None:
                return None
            results = read_results(self._folders.target / name, said.invocation)
            if code == 0 and plan.command.is_graph:
                check_complete(expected, results)
        except ResultsMissingError as fault:
            return str(fault)
        entries = tuple(map(source_entry, results.entries)) if name == SOURCES else results.entries
        self._records.record_entries(entries)
        self._keep("invocation.json", results.invocation(plan))
        return None

    def _keep_artifacts(self) -> None:
        for name in ARTIFACTS:
            path = self._folders.target / name
            if path.exists():
                self._keep(name, path.read_bytes())

    def _keep(self, name: str, body: bytes) -> None:
        plan = self._share.plan
        clean = self._share.redactor.text(body.decode(errors="replace")).encode()
        self._share.world.artifacts.put(plan.run_id, plan.step, name, clean)
