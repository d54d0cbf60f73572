"""`jobs:`: what is run where, when, and what happens if it cannot be or fails."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import Entry, Schema, Written
from headgate.adapters.jobs_file.environments import MOST_RUNS
from headgate.adapters.jobs_file.values import Clock, CommandLine, Name, Span, SpanOrNothing, Text, TimeZone
from headgate.adapters.jobs_file.variables import Levelled, VarEntry, VarName
from headgate.adapters.jobs_file.when import WhenEntry


class RetriesEntry(Entry):
    """`retries:` of a job."""

    max: int = Field(
        2, ge=0, le=10, description="How many attempts may follow a node's first one.", examples=["3"]
    )
    on: list[Text] = Field(
        ["transient"],
        description="Names and groups of error classes whose failures are tried again.",
        examples=["[transient, timeout]"],
    )
    non_idempotent: bool = Field(
        False,
        description="Whether an attempt that may have written is repeated although repeating it can write twice.",
        examples=["true"],
    )
    scope: Literal["test", "model_and_test"] = Field(
        "test",
        description="What `headgate retry` builds again when a test failed.",
        examples=["model_and_test"],
    )


class ReuseEntry(Entry):
    """`reuse:` of a job; `unchanged` is None where nothing is said of it."""

    unchanged: bool | None = Field(
        None,
        description="Whether what has neither new code nor new data is left as it is. Without it: `true` for a job "
        "without `run`, else `false`.",
        examples=["true"],
    )
    batch_tests: bool = Field(
        False, description="Whether several generic tests of a model go into one query.", examples=["true"]
    )
    code_change: Literal["build", "respect_window"] = Field(
        "build",
        description="Whether new code builds a model at once, or waits for its `build_after` as well.",
        examples=["respect_window"],
    )
    volatile: Literal["build", "ignore"] = Field(
        "build",
        description="Whether code whose outcome depends on the moment, as `current_date`, is a reason to build.",
        examples=["ignore"],
    )
    look_every: SpanOrNothing = Field(
        86_400.0,
        description="After how long without a runner one is started only to see whether the relations are still there; "
        "`0`: in every run.",
        examples=["6h"],
        json_schema_extra={"default": "24h"},
    )
    silent_after: Span = Field(
        86_400.0,
        description="How long a connector may say nothing before its sources count as unknown.",
        examples=["36h"],
        json_schema_extra={"default": "24h"},
    )


class DeadlineEntry(Entry):
    """`deadline:` of a job."""

    finish_by: Clock = Field(
        description="The local time by which its runs should be over.", examples=['"08:00"']
    )
    timezone: TimeZone = Field("UTC", description="The time zone of `finish_by`.", examples=["Europe/Berlin"])


def _switched(value: object) -> object:
    # `reuse: true` says all there is to say for most jobs.
    return {"unchanged": value} if isinstance(value, bool) else value


def _switch_schema(found: Schema) -> Schema:
    return {"anyOf": [{"type": "boolean"}, found]}


class JobEntry(Levelled):
    """One entry of `jobs:`. Without `run`, a run builds what is downstream of the connectors that start it."""

    environment: Name = Field(description="The environment it builds in.", examples=["production"])
    owner: str = Field("", description="Who is asked about it.", examples=["finance-data@example.com"])
    description: str = Field("", description="What it is for.", examples=["Money, before the working day"])
    when: WhenEntry = Field(
        WhenEntry(),
        description="What starts it; without it only a person or the API does.",
        examples=["{fivetran: {connectors: [stripe]}}"],
    )
    run: Annotated[list[CommandLine], Field(min_length=1)] | None = Field(
        None,
        description="Its dbt commands, in order. A job of connectors can do without: it builds what is downstream of "
        "those that landed.",
        examples=["[dbt build --select tag:finance+]"],
    )
    on_conflict: Literal["queue_latest", "queue_all", "skip", "cancel_running"] | None = Field(
        None,
        description="What a new run does while others of the job wait or go on: it takes the place of the one that "
        "waits (`queue_latest`), waits behind it (`queue_all`), does not come to be (`skip`), or ends the one that "
        "goes on (`cancel_running`). Without it `queue_latest`, as on the dbt platform: runs that a person or the API "
        "asks for all wait.",
        examples=["queue_all"],
    )
    max_parallel_runs: int = Field(
        1, ge=1, le=MOST_RUNS, description="How many of its runs may go on at once.", examples=["2"]
    )
    priority: int = Field(
        0,
        ge=-1_000,
        le=1_000,
        description="Which of the waiting runs starts first where places are few: the higher one.",
        examples=["10"],
    )
    deactivate_after: int = Field(
        100,
        ge=0,
        le=10_000,
        description="After how many failed runs in a row nothing but a person starts it any more; `0`: never.",
        examples=["20"],
    )
    paused: bool = Field(False, description="Whether nothing but a person starts it.", examples=["true"])
    vars: dict[VarName, VarEntry] = Field(
        {},
        description="dbt variables that whoever starts a run may set; no others reach dbt.",
        examples=["{day: {type: date}}"],
    )
    retries: RetriesEntry = Field(
        RetriesEntry(),
        description="When a node gets another attempt.",
        examples=["{max: 3, on: [transient]}"],
    )
    node_timeout: Span | None = Field(
        None,
        description="After how long one attempt of a node is cancelled, unless the node has its own limit. Without it "
        "never.",
        examples=["30m"],
    )
    reuse: Annotated[ReuseEntry, BeforeValidator(_switched), Written(_switch_schema)] = Field(
        ReuseEntry(),
        description="What need not be built again; `true` is short for `{unchanged: true}`.",
        examples=["true"],
    )
    deadline: DeadlineEntry | None = Field(
        None,
        description="When its runs should be over.",
        examples=['{finish_by: "08:00", timezone: Europe/Berlin}'],
    )

    @model_validator(mode="after")
    def _knows_what_to_run(self) -> "JobEntry":
        if self.run is None and self.when.fivetran is None and self.when.airbyte is None:
            raise ValueError(
                "run is missing: it lists the job's dbt commands; only a job with when.fivetran or when.airbyte can "
                "do without, and builds what is downstream of its connectors"
            )
        return self
