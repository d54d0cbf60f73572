"""`when:` of a job: what it waits for, as gates, and its schedules."""

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import ONE_OR_MANY, Entry, KeyFaultError
from headgate.adapters.jobs_file.gates import GATE_KEYS, GateEntry
from headgate.adapters.jobs_file.kinds import (
    AfterEntry,
    AirbyteEntry,
    DbtCloudEntry,
    FivetranEntry,
    GithubEntry,
    GitlabEntry,
    KindEntry,
    S3Entry,
    WebhookEntry,
)
from headgate.adapters.jobs_file.schedules import ScheduleEntry
from headgate.adapters.jobs_file.values import different
from headgate.domain.gate import Awaited, Gate

JOINED = "gate"


def _listed(value: object) -> object:
    if value is not None and not isinstance(value, dict | list):
        raise ValueError('must be a mapping such as {cron: "0 6 * * *"}, or a list of them')
    return [value] if isinstance(value, dict) else value


class WhenEntry(Entry):
    """`when:` of a job."""

    fivetran: FivetranEntry | None = Field(
        None, description="Syncs of Fivetran.", examples=["{connectors: [stripe]}"]
    )
    airbyte: AirbyteEntry | None = Field(
        None, description="Syncs of Airbyte.", examples=["{connections: [hubspot]}"]
    )
    s3: S3Entry | None = Field(
        None,
        description="Objects that appear in a bucket.",
        examples=['{bucket: landing, keys: ["erp/*/_SUCCESS"]}'],
    )
    github: GithubEntry | None = Field(
        None, description="What happens in a repository of GitHub.", examples=["{repository: org/repo}"]
    )
    gitlab: GitlabEntry | None = Field(
        None, description="What happens in a project of GitLab.", examples=["{repository: group/project}"]
    )
    dbt_cloud: DbtCloudEntry | None = Field(
        None,
        description="Runs of dbt Cloud that end, while a project moves over.",
        examples=["{jobs: [Nightly]}"],
    )
    webhook: WebhookEntry | None = Field(
        None, description="Messages to receivers of this file.", examples=["{from: [hightouch]}"]
    )
    after: AfterEntry | None = Field(
        None, description="Runs of other jobs that end.", examples=["{jobs: [load_core]}"]
    )
    gate: GateEntry | None = Field(
        None,
        description="Joins all kinds above into one gate, which then alone has the gate keys.",
        examples=["{wait_for: all, within: 2h}"],
    )
    schedule: (
        Annotated[list[ScheduleEntry], Field(min_length=1), BeforeValidator(_listed), ONE_OR_MANY] | None
    ) = Field(
        None,
        description="By the clock, beside whatever else starts it: one schedule, or a list.",
        examples=['{cron: "0 6 * * 1-5", timezone: Europe/Berlin}'],
    )

    @model_validator(mode="after")
    def _joins_what_there_is(self) -> "WhenEntry":
        if self.gate is None:
            return self
        kinds = self.kinds()
        if not kinds:
            raise KeyFaultError(
                "joins what else the job waits for, and there is nothing: a schedule has no gate", JOINED
            )
        for name, kind in kinds.items():
            for key in kind.says(*GATE_KEYS):
                raise KeyFaultError(
                    f"belongs to gate, which joins all kinds of this job: write {key} there", name, key
                )
        self.gate.check(len(self._awaited()), JOINED)
        return self

    @model_validator(mode="after")
    def _fires_each_once(self) -> "WhenEntry":
        try:
            different(self.schedule or [])
        except ValueError as fault:
            raise KeyFaultError("has the same entry twice", "schedule") from fault
        return self

    def kinds(self) -> dict[str, KindEntry]:
        """What it waits for, by the key that says it."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: entry for name, entry in found.items() if isinstance(entry, KindEntry)}

    def gates(self) -> tuple[Gate, ...]:
        """One for each kind, or one for all."""
        if self.gate is not None:
            return (self.gate.gate(JOINED, self._awaited()),)
        return tuple(kind.gate(name, kind.awaited()) for name, kind in self.kinds().items())

    def _awaited(self) -> list[Awaited]:
        return [one for kind in self.kinds().values() for one in kind.awaited()]
