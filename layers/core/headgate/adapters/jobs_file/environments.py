"""`environments:`: where relations live, with what they are built, and how much at once."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import ONE_OR_MANY, Entry
from headgate.adapters.jobs_file.values import Name, Pattern, Span, Text, listed_text
from headgate.adapters.jobs_file.variables import Levelled
from headgate.domain.error_class import BUILT_IN
from headgate.domain.fargate import FARGATE_MEMORY
from headgate.domain.plan import WAREHOUSE

MAX_RUNNERS = 40  # what one step's Map starts at once
MOST_RUNS = 1_000


class RunnersEntry(Entry):
    """`runners:` of an environment."""

    max: int = Field(
        4, ge=1, le=MAX_RUNNERS, description="How many runners build one run at once.", examples=["8"]
    )
    cpu: int = Field(
        1024,
        description="CPU units of a runner: 1024 are one vCPU.",
        examples=["2048"],
        json_schema_extra={"enum": list(FARGATE_MEMORY)},
    )
    memory: int = Field(
        4096, description="Memory of a runner in MiB, of a size that goes with `cpu`.", examples=["8192"]
    )
    spot: bool = Field(
        False,
        description="Whether runners use spare capacity: cheaper, and at times taken away.",
        examples=["true"],
    )

    @model_validator(mode="after")
    def _fits_fargate(self) -> "RunnersEntry":
        allowed = FARGATE_MEMORY.get(self.cpu)
        if allowed is None:
            raise ValueError(f"cpu {self.cpu} is not a Fargate size; it is one of {_listed(FARGATE_MEMORY)}")
        if self.memory not in allowed:
            nearest = min(allowed, key=lambda size: abs(size - self.memory))
            raise ValueError(
                f"memory {self.memory} does not go with cpu {self.cpu} on Fargate: "
                f"{allowed[0]} to {allowed[-1]} in steps of {allowed[-1] - allowed[-2]}; nearest: {nearest}"
            )
        return self


class ErrorClassEntry(Entry):
    """One entry of `error_classes:`; what is left out is as in the built-in class of that name, if there is one."""

    match: Annotated[list[Pattern], Field(min_length=1), BeforeValidator(listed_text), ONE_OR_MANY] | None = (
        Field(
            None,
            description="Regular expressions that are looked for in dbt's message, one or a list. Only an entry of a "
            f"built-in class ({', '.join(found.name for found in BUILT_IN)}) can do without.",
            examples=['"is being loaded"'],
        )
    )
    retry: bool | None = Field(None, description="Whether such a failure is tried again.", examples=["true"])
    backoff: Span | None = Field(
        None, description="How long to wait before the first retry.", examples=["30s"]
    )
    longest: Span | None = Field(
        None, description="How long to wait at most before a retry.", examples=["5m"]
    )
    counts: bool | None = Field(
        None, description="Whether a retry counts towards `retries.max` of the job.", examples=["false"]
    )
    fewer_threads: bool | None = Field(
        None, description="Whether fewer nodes run at once for a while after it.", examples=["true"]
    )
    larger_runner: bool | None = Field(
        None, description="Whether the next attempt gets a runner with more memory.", examples=["true"]
    )
    group: Name | None = Field(
        None, description="A name by which `retries.on` can mean several classes.", examples=["transient"]
    )

    @model_validator(mode="after")
    def _grows(self) -> "ErrorClassEntry":
        if self.backoff is not None and self.longest is not None and self.backoff > self.longest:
            raise ValueError("backoff is longer than longest")
        return self


class EnvironmentEntry(Levelled):
    """One entry of `environments:`."""

    target: Text = Field(description="The target of `profiles.yml` to build with.", examples=["prod"])
    schema_: Text = Field(
        alias="schema",
        description="The schema it builds in; it replaces the target's own.",
        examples=["analytics"],
    )
    threads: int = Field(4, ge=1, le=256, description="dbt's threads in each runner.", examples=["8"])
    runners: RunnersEntry = Field(
        RunnersEntry(),
        description="How many runners a run gets, and of what size.",
        examples=["{max: 8, spot: true}"],
    )
    concurrency: int | None = Field(
        None,
        ge=1,
        le=10_000,
        description="How many nodes may run on the warehouse at once, over all runs. Without it there is no limit.",
        examples=["12"],
    )
    pools: dict[Name, Annotated[int, Field(ge=1, le=10_000)]] = Field(
        {},
        description="The same for nodes with `meta: {headgate: {pool: <name>}}`.",
        examples=["{wh_large: 8}"],
    )
    max_parallel_runs: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNS,
        description="How many runs of all its jobs together may go on at once; others wait in the queue. Without it "
        "there is no limit.",
        examples=["4"],
    )
    error_classes: dict[Name, ErrorClassEntry] = Field(
        {},
        description="Kinds of failures, told by dbt's message, and what is done about them.",
        examples=['{busy: {match: "is being loaded", backoff: 30s}}'],
    )

    @model_validator(mode="after")
    def _leaves_the_warehouse(self) -> "EnvironmentEntry":
        if WAREHOUSE in self.pools:
            raise ValueError(
                f"the pool {WAREHOUSE!r} is every node's: write `concurrency: {self.pools[WAREHOUSE]}`"
            )
        return self


def _listed(values: Any) -> str:
    return ", ".join(str(value) for value in values)
