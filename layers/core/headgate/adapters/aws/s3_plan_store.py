"""Plans in S3: `runs/<id>/steps/<nn>/plan.json`, compressed when they are large."""

import gzip
from typing import TYPE_CHECKING

import msgspec

from headgate.adapters.aws.s3_artifact_store import step_prefix
from headgate.adapters.aws.s3_objects import Objects
from headgate.domain.plan import Plan
from headgate.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


# The plan of 20,000 nodes that reuse is 40 MB, nearly all of it unique_ids; every runner of the step reads it.
LARGE = 1_000_000
_COMPRESSED = b"\x1f\x8b"


class S3PlanStore:
    """PlanStore on one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._objects = Objects(client, bucket)

    def put_plan(self, plan: Plan) -> None:
        body, key = msgspec.json.encode(plan), _key(plan.run_id, plan.step)
        if len(body) > LARGE:
            self._objects.put(key, gzip.compress(body, compresslevel=1), encoding="gzip")
        else:
            self._objects.put(key, body)

    def get_plan(self, run_id: int, step: int) -> Plan:
        try:
            body = self._objects.get(_key(run_id, step))
        except NotFoundError as fault:
            raise NotFoundError(f"run {run_id}, step {step} has no plan") from fault
        # A JSON text never begins like this.
        return msgspec.json.decode(gzip.decompress(body) if body.startswith(_COMPRESSED) else body, type=Plan)


def _key(run_id: int, step: int) -> str:
    return step_prefix(run_id, step) + "plan.json"
