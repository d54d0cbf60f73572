"""Results of a dbt command as records of the step: each as soon as dbt says it, so that a lost process loses none."""

from collections.abc import Mapping
from typing import Any

from headgate.domain.instant import iso
from headgate.domain.results import NodeResult
from headgate_runner.share import Share


class Records:
    """Writes a step's results. Refuses to when the lease is at its end: they are somebody else's to write then."""

    def __init__(self, share: Share) -> None:
        self._share = share

    def record_event(self, entry: Mapping[str, Any]) -> None:
        """Of a NodeFinished. A microbatch model has one for each batch and a last one: the last counts."""
        self._record(entry)

    def record_entries(self, entries: tuple[Mapping[str, Any], ...]) -> None:
        """What dbt's own file says, which is more than its log: compiled code, relations, batches."""
        for entry in entries:
            self._record(entry)

    def _record(self, entry: Mapping[str, Any]) -> None:
        share = self._share
        share.check_lease()
        try:
            result = NodeResult.from_entry(share.redactor.value(dict(entry)), share.settings.runner)
        except (KeyError, ValueError) as fault:
            share.log.write("warn", f"a result that this runner does not understand: {fault}")
            return
        at = iso(share.world.clock.now())
        share.world.queue.record(share.plan.run_id, share.plan.step, result, at, last_word=True)
