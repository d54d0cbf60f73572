"""Plans in S3: `runs/<id>/steps/<nn>/plan.json`."""

from typing import TYPE_CHECKING

import msgspec

from headgate.adapters.aws.s3_artifact_store import step_prefix
from headgate.adapters.aws.s3_objects import Objects
from headgate.domain.plan import Plan
from headgate.errors import NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class S3PlanStore:
    """PlanStore on one bucket."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._objects = Objects(client, bucket)

    def put_plan(self, plan: Plan) -> None:
        self._objects.put(_key(plan.run_id, plan.step), msgspec.json.encode(plan))

    def get_plan(self, run_id: int, step: int) -> Plan:
        try:
            body = self._objects.get(_key(run_id, step))
        except NotFoundError as fault:
            raise NotFoundError(f"run {run_id}, step {step} has no plan") from fault
        return msgspec.json.decode(body, type=Plan)


def _key(run_id: int, step: int) -> str:
    return step_prefix(run_id, step) + "plan.json"
