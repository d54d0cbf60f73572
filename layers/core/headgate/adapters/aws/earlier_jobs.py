"""What versions before 0.2 stored of jobs: one item each, with one connector list and one schedule at most.

`job#<name>` / `job`, `environment#<name>` / `environment` and `alerts#<origin>` / `rules`, all in the index
`listing`. Read until the first apply of this version puts `applied` / `files` in their place (applied_files.py).
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.adapters.aws.table import Table
from headgate.domain.applied import Applied
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.schedule import Schedule


def earlier_files(table: Table) -> tuple[dict[str, Applied], tuple[tuple[str, str], ...]]:
    """The files by origin, and the keys of the jobs' items, which nothing reads once the files are stored anew."""
    jobs, environments = _by_origin(table, "job"), _by_origin(table, "environment")
    rules = {
        item["origin"]: item for item in table.query("#listing_pk = :kind", index="listing", kind="alerts")
    }
    files = {
        origin: Applied(
            JobsFile(
                environments=tuple(
                    msgspec.json.decode(item["record"], type=Environment) for item in environments[origin]
                ),
                jobs=tuple(earlier_job(item["record"]) for item in jobs[origin]),
                alerts=_alerts(rules.get(origin)),
                origin=origin,
            ),
            number=int(rules.get(origin, {}).get("applied", 0)),
        )
        for origin in sorted({*jobs, *environments, *rules})
    }
    return files, tuple((item["pk"], item["sk"]) for found in jobs.values() for item in found)


def earlier_job(record: str) -> Job:
    """A job's JSON of an earlier version: `fivetran` becomes a gate, `schedule` the only one of its schedules."""
    fields: dict[str, Any] = json.loads(record)
    fivetran, schedule = fields.pop("fivetran", None), fields.pop("schedule", None)
    if fivetran:
        awaited = tuple(Awaited("fivetran", name) for name in fivetran["connectors"])
        fields["gates"] = msgspec.to_builtins((Gate("fivetran", awaited),))
    if schedule:
        fields["schedules"] = msgspec.to_builtins(
            (Schedule(schedule["cron"], schedule.get("timezone", "UTC")),)
        )
    return msgspec.convert(fields, type=Job)


def _by_origin(table: Table, kind: str) -> defaultdict[str, list[dict[str, Any]]]:
    found: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for item in table.query("#listing_pk = :kind", index="listing", kind=kind):
        found[item["origin"]].append(item)
    return found


def _alerts(item: Mapping[str, Any] | None) -> tuple[AlertRule, ...]:
    return msgspec.json.decode(item["record"], type=tuple[AlertRule, ...]) if item else ()
