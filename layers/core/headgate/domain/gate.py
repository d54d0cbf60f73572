"""What a job waits for, and how much of it must have arrived before a run starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Awaited:
    """One thing that a job waits for.

    kind: fivetran, airbyte, github, gitlab, s3, dbt_cloud, webhook, job, model. name: what the signal must be called
    (a connector's id or name, a repository, a bucket, a receiver, `receiver/subject`, a job, `job/model`).
    where: patterns (`*` and `?`) that the signal's attributes must match, any one of each: `{"branch": ("main",)}`.
    """

    kind: str
    name: str
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gate:
    """When what arrived is enough. `name` is unique within its job.

    needed: how many of `awaits` must have arrived. within: seconds within which they must lie together; None: any.
    debounce: seconds without a further arrival before it opens. else_at: a local time (`07:00` in `timezone`) at which
    a run starts anyway, with what arrived, unless the gate opened since that time the day before; empty: never.
    """

    name: str
    awaits: tuple[Awaited, ...]
    needed: int = 1
    within: float | None = None
    debounce: float = 0.0
    else_at: str = ""
    timezone: str = "UTC"

    @property
    def is_immediate(self) -> bool:
        """Each arrival is a run of its own: there is nothing to remember."""
        return self.needed <= 1 and not self.debounce and not self.else_at
