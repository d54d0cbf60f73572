"""The only reader of the environment. A missing variable fails at the first use, with its name."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.errors import NotFoundError

PREFIX = "HEADGATE_"
# The template's output that holds each variable's value, for those who are not started by the template.
OUTPUTS = {
    "HEADGATE_TABLE": "TableName",
    "HEADGATE_BUCKET": "BucketName",
    "HEADGATE_BUS": "BusName",
    "HEADGATE_STATE_MACHINE_ARN": "StateMachineArn",
    "HEADGATE_CLUSTER_ARN": "ClusterArn",
    "HEADGATE_ALERT_TOPIC_ARN": "AlertTopicArn",
    "HEADGATE_SECRETS_PREFIX": "SecretsPrefix",
    "HEADGATE_SCHEDULE_GROUP": "ScheduleGroupName",
    "HEADGATE_SCHEDULE_ROLE_ARN": "ScheduleRoleArn",
    "HEADGATE_SCHEDULE_TARGET_ARN": "ScheduleTargetArn",
    "HEADGATE_SCHEDULE_DLQ_ARN": "ScheduleDlqArn",
    "HEADGATE_CONSOLE_URL": "ConsoleUrl",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Names of the deployed things. The template sets them; the CLI reads them from the stack's outputs.

    table, bucket, bus: DynamoDB table, S3 bucket, EventBridge bus. state_machine_arn, cluster_arn, alert_topic_arn:
    where runs start, runners live and alerts go. secrets_prefix: first part of every secret's name. schedule_*:
    EventBridge Scheduler's group, role and target. console_url: first part of a run's address, no slash at its end.
    """

    variables: Mapping[str, str]

    @classmethod
    def from_environment(cls) -> "Settings":
        return cls({name: value for name, value in os.environ.items() if name.startswith(PREFIX)})

    def _get(self, name: str) -> str:
        value = self.variables.get(PREFIX + name)
        if not value:
            raise NotFoundError(f"the environment variable {PREFIX}{name} is not set")
        return value

    @property
    def table(self) -> str:
        return self._get("TABLE")

    @property
    def bucket(self) -> str:
        return self._get("BUCKET")

    @property
    def bus(self) -> str:
        return self._get("BUS")

    @property
    def state_machine_arn(self) -> str:
        return self._get("STATE_MACHINE_ARN")

    @property
    def cluster_arn(self) -> str:
        return self._get("CLUSTER_ARN")

    @property
    def alert_topic_arn(self) -> str:
        return self._get("ALERT_TOPIC_ARN")

    @property
    def secrets_prefix(self) -> str:
        return self._get("SECRETS_PREFIX")

    @property
    def schedule_group(self) -> str:
        return self._get("SCHEDULE_GROUP")

    @property
    def schedule_role_arn(self) -> str:
        return self._get("SCHEDULE_ROLE_ARN")

    @property
    def schedule_target_arn(self) -> str:
        return self._get("SCHEDULE_TARGET_ARN")

    @property
    def schedule_dlq_arn(self) -> str | None:
        """None: a stack from before it had one."""
        return self.variables.get(PREFIX + "SCHEDULE_DLQ_ARN") or None

    @property
    def console_url(self) -> str:
        return self._get("CONSOLE_URL").rstrip("/")


def variables_of(outputs: Mapping[str, str]) -> dict[str, str]:
    """The HEADGATE_* variables that a stack's outputs amount to."""
    return {name: outputs[output] for name, output in OUTPUTS.items() if output in outputs}
