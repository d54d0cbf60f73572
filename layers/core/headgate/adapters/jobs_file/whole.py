"""A whole jobs file: its first keys."""

from typing import Literal

from pydantic import Field

from headgate.adapters.jobs_file.alerts import AlertEntry
from headgate.adapters.jobs_file.entry import Entry
from headgate.adapters.jobs_file.environments import MOST_RUNS, EnvironmentEntry
from headgate.adapters.jobs_file.jobs import JobEntry
from headgate.adapters.jobs_file.receivers import ReceiverEntry
from headgate.adapters.jobs_file.values import Name
from headgate.adapters.jobs_file.variables import Levelled


class AccountEntry(Entry):
    """`account:`."""

    max_parallel_runs: int | None = Field(
        None,
        ge=1,
        le=MOST_RUNS,
        description="How many runs may go on at once in the whole stack; of several projects the lowest holds. Without "
        "it there is no limit.",
        examples=["20"],
    )


class FileEntry(Levelled):
    """The whole file."""

    version: Literal[1] = Field(description="The version of these keys: 1.", examples=["1"])
    project: Name | None = Field(
        None,
        description="Names what manages these jobs, so that several projects share a stack and none removes another's. "
        "Without it the first file's name does. The files of a folder need it, in one of them.",
        examples=["shop"],
    )
    account: AccountEntry = Field(
        AccountEntry(), description="Limits of the whole stack.", examples=["{max_parallel_runs: 20}"]
    )
    environments: dict[Name, EnvironmentEntry] = Field(
        {},
        min_length=1,
        description="Where relations live, by name.",
        examples=["{production: {target: prod, schema: analytics}}"],
    )
    receivers: dict[Name, ReceiverEntry] = Field(
        {},
        description="Senders of webhooks that jobs wait for, by name.",
        examples=["{erp: {auth: standard}}"],
    )
    jobs: dict[Name, JobEntry] = Field(
        {},
        description="What is run, by name.",
        examples=["{nightly: {environment: production, run: [dbt build]}}"],
    )
    alerts: list[AlertEntry] = Field(
        [], description="Who is told of what.", examples=['[{send: [{slack: "#data"}]}]']
    )
