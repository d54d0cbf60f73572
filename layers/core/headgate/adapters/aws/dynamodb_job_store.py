"""What is applied, and which bundle each environment points at, in DynamoDB.

Keys: `applied` / `files` with every job (adapters/aws/applied_files.py says why), `environment#<name>` /
`environment`, `bundle`, `success` and `ref#<branch or commit>`, `receiver#<name>` / `receiver`, `alerts#<origin>` /
`rules`; environments, receivers and rules are in the index `listing`.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from headgate.adapters.aws.applied_files import AppliedFiles, Shelf
from headgate.adapters.aws.table import Table
from headgate.domain.applied import Applied, lowest_limit, refuse_moved, refuse_taken, unknown
from headgate.domain.git_ref import unknown_ref
from headgate.domain.job import AlertRule, Environment, Job, JobsFile
from headgate.domain.receiver import Receiver
from headgate.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_RULES = tuple[AlertRule, ...]
# Each lost race is somebody else's apply of other jobs, or its end: a handful at once is a busy day.
_ATTEMPTS = 8


class DynamoDBJobStore:
    """JobStore on one table."""

    def __init__(self, client: "DynamoDBClient", table: str) -> None:
        self._table = Table(client, table)
        self._files = AppliedFiles(self._table)

    def apply(self, *files: JobsFile, after: Mapping[str, int] | None = None, pending: bool = False) -> int:
        shelf = self._files.read()
        found = {file.origin: shelf.files[file.origin].number for file in files if file.origin in shelf.files}
        expected = dict.fromkeys((file.origin for file in files), 0) | found if after is None else after
        for _ in range(_ATTEMPTS):
            refuse_moved(expected, shelf.files)
            refuse_taken(files, shelf.files)
            try:
                number = self._files.replace(shelf, files, pending=pending)
            except ConflictError:
                shelf = self._files.read()
            else:
                self._clear(shelf)
                return number
        raise ConflictError("this stack's jobs are being applied all the time: try again in a moment")

    def _clear(self, shelf: Shelf) -> None:
        """Nothing reads these any more; one that stays because this dies is a line nobody sees."""
        for pk, sk in shelf.earlier:
            self._table.delete(pk, sk)

    def settle(self, origin: str, number: int) -> None:
        self._files.settle(origin, number)

    def applied(self) -> list[Applied]:
        return [found for _, found in sorted(self._files.read().files.items())]

    def jobs(self) -> list[Job]:
        found = [job for applied in self.applied() for job in applied.file.jobs]
        return sorted(found, key=lambda job: job.name)

    def job(self, name: str) -> Job:
        jobs = self.jobs()
        for job in jobs:
            if job.name == name:
                return job
        raise unknown("job", name, (job.name for job in jobs))

    def environment(self, name: str) -> Environment:
        item = self._table.get(f"environment#{name}", "environment")
        if item is None:
            raise NotFoundError(f"no environment named {name!r}")
        return msgspec.json.decode(item["record"], type=Environment)

    def receiver(self, name: str) -> Receiver:
        item = self._table.get(f"receiver#{name}", "receiver")
        if item is None:
            raise NotFoundError(f"no receiver named {name!r}")
        return msgspec.json.decode(item["record"], type=Receiver)

    def receivers(self) -> list[Receiver]:
        found = [receiver for applied in self.applied() for receiver in applied.file.receivers]
        return sorted(found, key=lambda receiver: receiver.name)

    def max_parallel_runs(self) -> int | None:
        return lowest_limit(found.file for found in self.applied())

    def alert_rules(self) -> list[AlertRule]:
        return [
            rule
            for item in self._table.query("#listing_pk = :kind", index="listing", kind="alerts")
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
