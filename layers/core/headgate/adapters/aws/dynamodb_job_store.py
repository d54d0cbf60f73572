"""Environments, jobs and alert rules in DynamoDB: one item each, what was written in `record` as JSON.

Keys: `environment#<name>` / `environment`, `bundle`, `success` and `ref#<branch or commit>`, `job#<name>` / `job`,
`alerts#<origin>` / `rules`; environments, jobs and rules are in the index `listing`. The rules' item knows what its
file manages and counts its applies, so that two at once cannot mix.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import msgspec

from headgate.adapters.aws.failures import cancellation_codes
from headgate.adapters.aws.table import TRANSACTION_LIMIT, Table, deleting, putting
from headgate.domain.git_ref import unknown_ref
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.errors import ConflictError, InputError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RULES = tuple[AlertRule, ...]
_FREE = "attribute_not_exists(pk) OR #origin = :origin"


class DynamoDBJobStore:
    """JobStore on one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)

    def apply(self, jobs_file: JobsFile) -> None:
        """Write what differs in one transaction. Raises ConflictError, and InputError beyond its 100 changes."""
        origin = jobs_file.origin
        # Read before anything it vouches for.
        rules = self._table.get(f"alerts#{origin}", "rules") or {}
        wanted = {(item["pk"], item["sk"]): item for item in _items_of(jobs_file)}
        stored = self._stored(origin, [*wanted, *((pk, sk) for pk, sk in rules.get("managed", ()))])
        changed = [item for key, item in wanted.items() if stored.get(key) != item]
        actions = [putting(item, _FREE, origin=origin) for item in changed]
        actions += [deleting(*key, "#origin = :origin", origin=origin) for key in stored if key not in wanted]
        if len(actions) >= TRANSACTION_LIMIT:
            raise InputError(
                f"{origin} changes {len(actions)} jobs and environments at once; all or nothing works for up to "
                f"{TRANSACTION_LIMIT - 1}: apply it in several steps, or divide the file"
            )
        actions.append(_putting_rules(jobs_file, rules.get("applied", 0)))
        try:
            self._table.transact(actions)
        except ConflictError as fault:
            raise self._explained(fault, origin, changed) from fault

    def _stored(self, origin: str, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Any]]:
        # By key and consistently: the index may lag behind an earlier apply.
        found = self._table.get_all(keys, consistent=True)
        return {(item["pk"], item["sk"]): item for item in found if item["origin"] == origin}

    def _explained(
        self, fault: ConflictError, origin: str, changed: Iterable[Mapping[str, Any]]
    ) -> ConflictError:
        for item, code in zip(changed, cancellation_codes(fault.__cause__), strict=False):
            owner = self._table.get(item["pk"], item["sk"]) if code == "ConditionalCheckFailed" else None
            if owner and owner["origin"] != origin:
                name = item["listing_sk"]
                return ConflictError(
                    f"{item['sk']} {name!r} belongs to {owner['origin']}: remove it there first"
                )
        return ConflictError(f"{origin} is being applied by somebody else as well: look, then apply it again")

    def jobs(self) -> list[Job]:
        return [_job(item) for item in self._listed("job")]

    def job(self, name: str) -> Job:
        item = self._table.get(f"job#{name}", "job")
        if item is not None:
            return _job(item)
        near = get_close_matches(name, [job.name for job in self.jobs()], n=1)
        raise NotFoundError(f"no job named {name!r}" + (f"; did you mean {near[0]}?" if near else ""))

    def environment(self, name: str) -> Environment:
        item = self._table.get(f"environment#{name}", "environment")
        if item is None:
            raise NotFoundError(f"no environment named {name!r}")
        return msgspec.json.decode(item["record"], type=Environment)

    def alert_rules(self) -> list[AlertRule]:
        return [
            rule
            for item in self._listed("alerts")
            for rule in msgspec.json.decode(item["record"], type=_RULES)
        ]

    def point_at(self, environment: str, digest: str, refs: Sequence[str] = ()) -> None:
        # The pointer comes last: whoever died before it has published nothing yet, and does all of it again.
        for ref in refs:
            self._table.put({"pk": f"environment#{environment}", "sk": f"ref#{ref}", "digest": digest})
        self._table.put({"pk": f"environment#{environment}", "sk": "bundle", "digest": digest})

    def bundle_of(self, environment: str) -> str:
        item = self._table.get(f"environment#{environment}", "bundle")
        if item is None:
            raise NotFoundError(f"nothing was published for the environment {environment!r} yet")
        return str(item["digest"])

    def bundle_from(self, environment: str, ref: str) -> str:
        item = self._table.get(f"environment#{environment}", f"ref#{ref}")
        if item is not None:
            return str(item["digest"])
        stored = self._table.query(
            "#pk = :pk AND begins_with(#sk, :ref)", pk=f"environment#{environment}", ref="ref#"
        )
        raise NotFoundError(
            unknown_ref(environment, ref, [item["sk"].removeprefix("ref#") for item in stored])
        )

    def record_success(self, environment: str, bundle: str, run_id: int) -> None:
        item = {"pk": f"environment#{environment}", "sk": "success", "digest": bundle, "run_id": run_id}
        with suppress(ConflictError):
            self._table.put(item, "attribute_not_exists(pk) OR #run_id <= :run", run=run_id)

    def last_success(self, environment: str) -> tuple[str, int]:
        item = self._table.get(f"environment#{environment}", "success")
        if item is None:
            raise NotFoundError(f"no run of the environment {environment!r} has succeeded yet")
        return str(item["digest"]), int(item["run_id"])

    def _listed(self, kind: str) -> list[dict[str, Any]]:
        return list(self._table.query("#listing_pk = :kind", index="listing", kind=kind))


def _items_of(jobs_file: JobsFile) -> list[dict[str, Any]]:
    records: list[tuple[str, Environment | Job]] = [
        ("environment", record) for record in jobs_file.environments
    ]
    records += [("job", record) for record in jobs_file.jobs]
    return [
        {
            "pk": f"{kind}#{record.name}",
            "sk": kind,
            "listing_pk": kind,
            "listing_sk": record.name,
            "origin": jobs_file.origin,
            "record": _json(record),
        }
        for kind, record in records
    ]


def _putting_rules(jobs_file: JobsFile, applied: int) -> dict[str, Any]:
    item = {
        "pk": f"alerts#{jobs_file.origin}",
        "sk": "rules",
        "listing_pk": "alerts",
        "listing_sk": jobs_file.origin,
        "origin": jobs_file.origin,
        "applied": applied + 1,
        "managed": [(item["pk"], item["sk"]) for item in _items_of(jobs_file)],
        "record": _json(jobs_file.alerts),
    }
    return putting(item, "attribute_not_exists(pk) OR #applied = :applied", applied=applied)


def _json(record: object) -> str:
    return msgspec.json.encode(record).decode()


def _job(item: Mapping[str, Any]) -> Job:
    return msgspec.json.decode(item["record"], type=Job)
