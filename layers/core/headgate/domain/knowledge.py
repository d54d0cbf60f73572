"""What is known beside the project when a step is planned: what was built and seen before, and how late it is."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from headgate.domain.build_state import BuildState
from headgate.domain.source_versions import SourceVersion


def _nothing(_unique_ids: Collection[str]) -> Mapping[str, BuildState]:
    return {}


@dataclass(frozen=True, slots=True)
class Knowledge:
    """Of one environment, at one moment.

    now: epoch seconds. states: unique_ids -> the records of their last builds, those that there are; asked once, for
    all nodes of the plan and all they see. sources: what is known of the data in each. looked_at: when a runner last
    saw which relations are there (epoch seconds). forced: why everything is built, whatever is remembered. notes: what
    whoever reads the plan should know of all this.
    """

    now: float = 0.0
    states: Callable[[Collection[str]], Mapping[str, BuildState]] = _nothing
    sources: Mapping[str, SourceVersion] = field(default_factory=dict)
    looked_at: float = 0.0
    forced: str = ""
    notes: tuple[str, ...] = ()
