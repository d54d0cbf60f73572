"""What happened, in order: every request that reached a port, and what the services did by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.domain.build_state import BuildState, Hold
from tests.simulation.kernel import START


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. at: virtual seconds; who: the process; what: `queue.claim`, `container.killed` …

    arguments, keywords: the request's; answer: what came of it, an error included, even if it never got back.
    """

    at: float
    who: str
    what: str
    arguments: tuple[Any, ...] = ()
    keywords: Mapping[str, Any] = field(default_factory=dict)
    answer: Any = None

    def __str__(self) -> str:
        given = [_brief(value) for value in self.arguments]
        given += [f"{name}={_brief(value)}" for name, value in self.keywords.items() if name != "at"]
        answer = "" if self.answer is None else f" -> {_brief(self.answer)}"
        return f"{self.at - START:10.3f}  {self.who:24}  {self.what}({', '.join(given)}){answer}"


class History:
    """The entries of one simulation."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def add(self, entry: Entry) -> None:
        self.entries.append(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def text(self, last: int | None = None) -> str:
        """One line each; polling that found nothing new is left out of a tail."""
        shown = self.entries if last is None else [e for e in self.entries if e.what not in _POLLING][-last:]
        return "\n".join(map(str, shown))


_POLLING = frozenset({"queue.open_nodes", "queue.step", "queue.runners", "queue.renew_lease", "jobs.jobs"})


def _brief(value: Any) -> str:
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, BaseException):
        return f"{type(value).__name__}({value})"
    if isinstance(value, Hold):
        return f"hold {value.fence} after {_brief(value.before)}"
    if isinstance(value, BuildState):
        # Whole records hold sets, which every process prints in an order of its own.
        return f"{value.unique_id} {value.version or '-'} {value.status or '-'} {value.fence} {value.holder}".strip()
    if isinstance(value, set | frozenset):
        value = sorted(value)
    if isinstance(value, dict):
        value = {name: _brief(value[name]) for name in sorted(value)}
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 160 else text[:157] + "…"
