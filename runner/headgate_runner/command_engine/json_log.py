"""dbt's JSON log, line by line: what a person reads, what became of a node, which invocation this is.

A line that is not an event (a traceback, a warning of Python, a message of the command line's parser) is text.
Events: `--log-format json --log-level debug` of dbt-core 1.5 and later; names and fields of other events are ignored.
"""

import json
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SHOWN = ("info", "warn", "error")
# The levels' names have changed between versions of dbt.
_LEVELS = {"warning": "warn", "critical": "error"}
# What is kept of what dbt says, to explain how it ended.
ERRORS_KEPT, TEXT_KEPT = 5, 20
_CHECKS_FAILED = re.compile(r"\d+ checks? failed:")
_OF_GIT = "Error from git"


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line. level: dbt's word; at: ISO 8601 UTC, empty for text; node: unique_id.

    invocation: dbt's invocation_id, empty for text. result: the node's object as run_results.json has it, of a
    NodeFinished. version: of a MainReportVersion. is_check: whether it tells how a check of `dbt debug` ended.
    """

    level: str
    message: str
    at: str = ""
    node: str = ""
    invocation: str = ""
    is_event: bool = True
    result: Mapping[str, Any] | None = None
    version: str = ""
    is_check: bool = False

    @property
    def is_shown(self) -> bool:
        return self.level in SHOWN and bool(self.message.strip())


class Said:
    """What is remembered of a whole log. invocation: dbt's id of it, empty when it named none."""

    def __init__(self) -> None:
        self.invocation = ""
        self._errors: deque[str] = deque(maxlen=ERRORS_KEPT)
        self._text: deque[str] = deque(maxlen=TEXT_KEPT)
        self._checks: list[str] | None = None

    def hear(self, line: LogLine) -> None:
        self.invocation = line.invocation or self.invocation
        if line.is_check:
            self._hear_check(line.message.strip())
        if line.level == "error" and line.is_event and line.message:
            self._errors.append(line.message)
        elif not line.is_event and line.message:
            self._text.append(line.message)

    def _hear_check(self, said: str) -> None:
        if _CHECKS_FAILED.fullmatch(said):
            self._checks = []
        elif self._checks is not None and said:
            self._checks.append(said)

    @property
    def failed_checks(self) -> list[str] | None:
        """What `dbt debug` says of the checks that failed; None: it did not come to that.

        Without that of git: a runner needs none, since packages are part of the bundle.
        """
        if self._checks is None:
            return None
        return [said for said in self._checks if not said.startswith(_OF_GIT)]

    @property
    def last(self) -> str:
        """Its last errors, else its last text that was no event: why dbt could not go on."""
        said = (line.removeprefix("Encountered an error:").strip() for line in self._errors or self._text)
        return "\n".join(said).strip()


def read_line(text: str) -> LogLine:
    """One line of dbt's output, whatever it is. Raises nothing."""
    try:
        event = json.loads(text)
        info, data = event["info"], event.get("data") or {}
        return _event(info, data)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return LogLine("info", text.rstrip(), is_event=False)


def _event(info: Mapping[str, Any], data: Mapping[str, Any]) -> LogLine:
    name, level = str(info["name"]), str(info["level"])
    node_info = data.get("node_info") or {}
    return LogLine(
        level=_LEVELS.get(level, level),
        message=str(info.get("msg") or "").rstrip(),
        at=str(info.get("ts") or ""),
        node=str(node_info.get("unique_id") or ""),
        invocation=str(info.get("invocation_id") or ""),
        result=_result(node_info, data.get("run_result") or {}) if name == "NodeFinished" else None,
        version=str(data.get("version") or "").lstrip("=") if name == "MainReportVersion" else "",
        is_check=name == "DebugCmdResult",
    )


def _result(node_info: Mapping[str, Any], run_result: Mapping[str, Any]) -> dict[str, Any] | None:
    """The object of run_results.json v6, as far as the event knows it: compiled code is only in dbt's own file."""
    status, unique_id = run_result.get("status"), node_info.get("unique_id")
    if not status or not unique_id:
        return None
    relation = node_info.get("node_relation") or {}
    return {
        "status": str(status),
        "timing": list(run_result.get("timing_info") or ()),
        "thread_id": str(run_result.get("thread") or ""),
        "execution_time": float(run_result.get("execution_time") or 0.0),
        "adapter_response": dict(run_result.get("adapter_response") or {}),
        "message": run_result.get("message"),
        "failures": run_result.get("num_failures"),
        "unique_id": str(unique_id),
        "compiled": None,
        "compiled_code": None,
        "relation_name": relation.get("relation_name") or None,
        "batch_results": None,
    }
