"""Alerts on an SNS topic, as JSON; the severity is an attribute too, so that subscriptions can filter by it."""

import json
from typing import TYPE_CHECKING

from headgate.adapters.aws.failures import translated
from headgate.domain.alerts import Alert

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient


class SNSAlertTopic:
    """AlertTopic by its ARN."""

    def __init__(self, client: "SNSClient", arn: str) -> None:
        self._client, self._arn = client, arn

    def publish(self, alert: Alert) -> None:
        with translated(f"the topic {self._arn}"):
            self._client.publish(
                TopicArn=self._arn,
                Message=json.dumps(alert.to_message()),
                MessageAttributes={"severity": {"DataType": "String", "StringValue": alert.severity}},
            )
