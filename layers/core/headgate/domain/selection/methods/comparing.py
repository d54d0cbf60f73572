"""Methods that compare with an earlier run: `state`, `result`, `source_status`."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from headgate.domain.selection.earlier import Earlier
from headgate.domain.selection.methods.scope import Scope
from headgate.domain.selection.methods.words import one_of
from headgate.domain.selection.spec import Criterion
from headgate.errors import SelectionError

if TYPE_CHECKING:
    from headgate.domain.state import Comparison

COMPARING = frozenset({"state", "result", "source_status"})
# dbt.artifacts.schemas.results: RunStatus, TestStatus, FreshnessStatus; and our own for what was not built again.
STATUSES = (
    "success", "error", "fail", "warn", "pass", "skipped", "partial success", "runtime error", "no-op", "reused",
)  # fmt: skip
_States = Callable[["Comparison"], "set[str] | frozenset[str]"]


def state(criterion: Criterion, scope: Scope) -> set[str]:
    """What differs from an earlier manifest: new, old, unmodified, modified, or one aspect of modified."""
    aspects = ("body", "configs", "relation", "persisted_descriptions", "macros", "contract")
    ways: dict[str, _States] = {
        "new": lambda found: found.new,
        "old": lambda found: found.old,
        "unmodified": lambda found: found.unmodified,
        "modified": lambda found: found.modified(),
        **{f"modified.{aspect}": _modified(aspect) for aspect in aspects},
    }
    wanted, earlier = one_of(criterion, ways), _earlier(criterion, scope)
    if earlier.index is None:
        raise SelectionError(f"{criterion.text!r}: the state has no manifest.json to compare with")
    # Imported here: most selections compare nothing.
    from headgate.domain.state import Comparison

    return set(wanted(Comparison(scope.ground.index, earlier.index))) & scope.nodes.keys()


def _modified(aspect: str) -> _States:
    return lambda found: found.modified(aspect)


def result(criterion: Criterion, scope: Scope) -> set[str]:
    """What ended with this status in the earlier run."""
    wanted = one_of(criterion, {status: status for status in STATUSES})
    statuses = _earlier(criterion, scope).statuses
    if statuses is None:
        raise SelectionError(f"{criterion.text!r}: the state has no run_results.json to look into")
    return {unique_id for unique_id, status in statuses.items() if status == wanted} & scope.nodes.keys()


def source_status(criterion: Criterion, scope: Scope) -> set[str]:
    """`fresher`: sources with newer rows than in the earlier run, or that could not be asked in it."""
    one_of(criterion, {"fresher": True})
    earlier = _earlier(criterion, scope)
    if earlier.sources is None or earlier.sources_now is None:
        which = "the state" if earlier.sources is None else "this project"
        raise SelectionError(
            f"{criterion.text!r}: {which} has no sources.json, which dbt source freshness writes"
        )
    before = _times(earlier.sources)
    return {
        unique_id
        for unique_id, loaded in _times(earlier.sources_now).items()
        if unique_id in scope.nodes and (unique_id not in before or loaded > before[unique_id])
    }


def _times(sources: Mapping[str, str]) -> dict[str, datetime]:
    return {unique_id: datetime.fromisoformat(text) for unique_id, text in sources.items()}


def _earlier(criterion: Criterion, scope: Scope) -> Earlier:
    if scope.earlier is None:
        raise SelectionError(
            f"{criterion.text!r}: {criterion.method}: compares with an earlier run: say with which, by --state"
        )
    return scope.earlier
