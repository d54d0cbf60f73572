"""What a job can wait for, kind by kind; each is a gate of its own unless `gate:` joins them all."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import KeyFaultError
from headgate.adapters.jobs_file.gates import GateEntry
from headgate.adapters.jobs_file.values import NumberedText, Shaped, Text, Texts, different
from headgate.domain.gate import Awaited

Event = Literal["push", "pull_request", "merge"]
Status = Literal["success", "error", "cancelled"]
_BUCKET = Shaped(r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$", "must be the name of a bucket, without s3://")
Bucket = Annotated[str, _BUCKET]


class KindEntry(GateEntry):
    """One kind below `when:`."""

    def awaited(self) -> tuple[Awaited, ...]:
        """What it waits for, one by one."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _is_a_gate(self) -> "KindEntry":
        self.check(len(self.awaited()))
        return self


class FivetranEntry(KindEntry):
    """`when.fivetran:`."""

    connectors: Texts = Field(
        description="Connectors whose successful sync is awaited, by name (the schema) or id.",
        examples=["[salesforce, stripe]"],
    )

    def awaited(self) -> tuple[Awaited, ...]:
        return tuple(Awaited("fivetran", name) for name in self.connectors)


class AirbyteEntry(KindEntry):
    """`when.airbyte:`."""

    connections: Texts = Field(
        description="Connections whose successful sync is awaited, by name or id.", examples=["[hubspot]"]
    )

    def awaited(self) -> tuple[Awaited, ...]:
        return tuple(Awaited("airbyte", name) for name in self.connections)


class S3Entry(KindEntry):
    """`when.s3:`."""

    bucket: Bucket = Field(
        description="A bucket of this account that sends its events to EventBridge.", examples=["landing"]
    )
    keys: Texts = Field(
        ["*"],
        description="Patterns of the objects' keys; `*` and `?` stand for anything, slashes too. Each is waited for by "
        "itself.",
        examples=['["erp/*/_SUCCESS"]'],
    )

    def awaited(self) -> tuple[Awaited, ...]:
        return tuple(Awaited("s3", self.bucket, {"key": (pattern,)}) for pattern in self.keys)


class _RepositoryEntry(KindEntry):
    events: Annotated[list[Event], Field(min_length=1), AfterValidator(different)] = Field(
        ["push"],
        description="What happens there: `push`, `pull_request` (opened or changed; merge requests too), `merge` (of "
        "one).",
        examples=["[push, merge]"],
    )
    branches: Texts | None = Field(
        None,
        description="Patterns of the branch that is pushed to or merged into; without them any.",
        examples=['[main, "release/*"]'],
    )

    def _where(self) -> dict[str, tuple[str, ...]]:
        return {"event": tuple(self.events)} | ({"branch": tuple(self.branches)} if self.branches else {})


class GithubEntry(_RepositoryEntry):
    """`when.github:`."""

    repository: Annotated[
        str, Shaped(r"^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", "must be <owner>/<name>, as in org/repo")
    ] = Field(description="The repository, as `<owner>/<name>`.", examples=["org/repo"])

    def awaited(self) -> tuple[Awaited, ...]:
        return (Awaited("github", self.repository, self._where()),)


class GitlabEntry(_RepositoryEntry):
    """`when.gitlab:`."""

    repository: Annotated[
        str,
        Shaped(
            r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$",
            "must be the project's path, as in group/subgroup/project",
        ),
    ] = Field(description="The project, with its groups.", examples=["group/project"])

    def awaited(self) -> tuple[Awaited, ...]:
        return (Awaited("gitlab", self.repository, self._where()),)


class DbtCloudEntry(KindEntry):
    """`when.dbt_cloud:`."""

    jobs: Annotated[list[NumberedText], Field(min_length=1), AfterValidator(different)] = Field(
        description="Jobs of dbt Cloud, by id or name.", examples=["[123, Nightly]"]
    )
    on: Annotated[list[Status], Field(min_length=1), AfterValidator(different)] = Field(
        ["success"], description="How their runs must have ended.", examples=["[success, error]"]
    )

    def awaited(self) -> tuple[Awaited, ...]:
        return tuple(Awaited("dbt_cloud", name, {"status": tuple(self.on)}) for name in self.jobs)


class WebhookEntry(KindEntry):
    """`when.webhook:`."""

    from_: Texts = Field(
        alias="from",
        description="Receivers of this file, as `<receiver>` for each of its messages or `<receiver>/<subject>`.",
        examples=["[hightouch/orders]"],
    )

    def awaited(self) -> tuple[Awaited, ...]:
        return tuple(Awaited("webhook", name) for name in self.from_)


class AfterEntry(KindEntry):
    """`when.after:`."""

    jobs: Texts | None = Field(
        None,
        description="Jobs whose runs must have ended, of these files or of another project in the same stack.",
        examples=["[load_core]"],
    )
    on: Annotated[list[Status], Field(min_length=1), AfterValidator(different)] = Field(
        ["success"], description="How those runs must have ended.", examples=["[success, error]"]
    )
    models: (
        Annotated[
            list[
                Annotated[
                    Text,
                    Shaped(
                        r"^[A-Za-z0-9][A-Za-z0-9_-]{0,47}/\S+$",
                        "must be <job>/<model>, as in core/dim_customers",
                    ),
                ]
            ],
            Field(min_length=1),
            AfterValidator(different),
        ]
        | None
    ) = Field(
        None,
        description="Single models of other jobs that must have been built, as `<job>/<name or unique_id>`; also in "
        "runs that failed elsewhere.",
        examples=["[core/dim_customers]"],
    )

    @model_validator(mode="after")
    def _names_something(self) -> "AfterEntry":
        if not self.jobs and not self.models:
            raise ValueError("names nothing to wait for: add jobs or models")
        if not self.jobs and "on" in self.model_fields_set:
            raise KeyFaultError("is about jobs; a model counts when it was built: leave it out", "on")
        return self

    def awaited(self) -> tuple[Awaited, ...]:
        jobs = (Awaited("job", name, {"status": tuple(self.on)}) for name in self.jobs or ())
        return (*jobs, *(Awaited("model", name) for name in self.models or ()))
