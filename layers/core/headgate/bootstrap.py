"""The only place that chooses adapters: settings -> a world of ports, each built when it is first asked for.

Adapters are imported on first use as well, so that a Lambda pays for the services its own verb speaks to.
"""

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from headgate.errors import InputError
from headgate.settings import Settings

if TYPE_CHECKING:
    from headgate import ports


class World:
    """Every port, on AWS. Endpoint, region and credentials are boto3's own business (AWS_ENDPOINT_URL and so on)."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def clock(self) -> "ports.Clock":
        from headgate.adapters.system_clock import SystemClock

        return SystemClock()

    @cached_property
    def runs(self) -> "ports.RunStore":
        from headgate.adapters.aws.dynamodb_run_store import DynamoDBRunStore

        return DynamoDBRunStore(self._dynamodb, self.settings.table, self.clock)

    @cached_property
    def jobs(self) -> "ports.JobStore":
        from headgate.adapters.aws.dynamodb_job_store import DynamoDBJobStore

        return DynamoDBJobStore(self._dynamodb, self.settings.table)

    @cached_property
    def activities(self) -> "ports.Activities":
        from headgate.adapters.aws.dynamodb_activities import DynamoDBActivities

        return DynamoDBActivities(self._dynamodb, self.settings.table)

    @cached_property
    def gates(self) -> "ports.GateStore":
        from headgate.adapters.aws.dynamodb_gate_store import DynamoDBGateStore

        return DynamoDBGateStore(self._dynamodb, self.settings.table, self.clock)

    @cached_property
    def events(self) -> "ports.EventLog":
        from headgate.adapters.aws.dynamodb_event_log import DynamoDBEventLog

        return DynamoDBEventLog(self._dynamodb, self.settings.table, self.clock)

    @cached_property
    def queue(self) -> "ports.NodeQueue":
        from headgate.adapters.aws.dynamodb_node_queue import DynamoDBNodeQueue

        return DynamoDBNodeQueue(self._dynamodb, self.settings.table, self.clock)

    @cached_property
    def slots(self) -> "ports.Slots":
        from headgate.adapters.aws.dynamodb_slots import DynamoDBSlots

        return DynamoDBSlots(self._dynamodb, self.settings.table)

    @cached_property
    def history(self) -> "ports.History":
        from headgate.adapters.aws.dynamodb_history import DynamoDBHistory

        return DynamoDBHistory(self._dynamodb, self.settings.table)

    @cached_property
    def states(self) -> "ports.BuildStates":
        from headgate.adapters.aws.dynamodb_build_states import DynamoDBBuildStates

        return DynamoDBBuildStates(self._dynamodb, self.settings.table)

    @cached_property
    def freshness(self) -> "ports.Freshness":
        from headgate.adapters.aws.dynamodb_freshness import DynamoDBFreshness

        return DynamoDBFreshness(self._dynamodb, self.settings.table)

    @cached_property
    def bundles(self) -> "ports.BundleStore":
        from headgate.adapters.aws.s3_bundle_store import S3BundleStore

        return S3BundleStore(self._s3, self.settings.bucket)

    @cached_property
    def artifacts(self) -> "ports.ArtifactStore":
        from headgate.adapters.aws.s3_artifact_store import S3ArtifactStore

        return S3ArtifactStore(self._s3, self.settings.bucket)

    @cached_property
    def plans(self) -> "ports.PlanStore":
        from headgate.adapters.aws.s3_plan_store import S3PlanStore

        return S3PlanStore(self._s3, self.settings.bucket)

    @cached_property
    def bus(self) -> "ports.EventBus":
        from headgate.adapters.aws.eventbridge_bus import EventBridgeBus

        return EventBridgeBus(_client("events"), self.settings.bus)

    @cached_property
    def machine(self) -> "ports.StateMachine":
        from headgate.adapters.aws.stepfunctions_state_machine import StepFunctionsStateMachine

        return StepFunctionsStateMachine(_client("stepfunctions"), self.settings.state_machine_arn)

    @cached_property
    def containers(self) -> "ports.Containers":
        from headgate.adapters.aws.ecs_containers import EcsContainers

        return EcsContainers(_client("ecs"), self.settings.cluster_arn)

    @cached_property
    def scheduler(self) -> "ports.Scheduler":
        from headgate.adapters.aws.eventbridge_scheduler import EventBridgeScheduler

        return EventBridgeScheduler(
            _client("scheduler"),
            self.settings.schedule_group,
            self.settings.schedule_role_arn,
            self.settings.schedule_target_arn,
            self.clock,
            self.settings.schedule_dlq_arn,
        )

    @cached_property
    def secrets(self) -> "ports.Secrets":
        from headgate.adapters.aws.secrets_manager import SecretsManagerSecrets

        return SecretsManagerSecrets(_client("secretsmanager"), self.settings.secrets_prefix, self.clock)

    @cached_property
    def alerts(self) -> "ports.AlertTopic":
        from headgate.adapters.aws.sns_alert_topic import SNSAlertTopic

        return SNSAlertTopic(_client("sns"), self.settings.alert_topic_arn)

    def notifier(self, kind: str) -> "ports.Notifier":
        """The notifier of a channel kind in headgate.yml. Raises InputError for a kind that is not known."""
        if kind == "slack":
            return self._slack
        raise InputError(f"alerts cannot be sent to {kind!r}; known: slack")

    @cached_property
    def _slack(self) -> "ports.Notifier":
        from headgate.adapters.notifiers.slack import SlackNotifier

        return SlackNotifier(self.secrets)

    @cached_property
    def _dynamodb(self) -> Any:
        return _client("dynamodb")

    @cached_property
    def _s3(self) -> Any:
        return _client("s3")


def _client(service: str) -> Any:
    import boto3
    from botocore.config import Config

    # boto3 sends a request again by itself (throttled, 5xx, no connection); adapters never do.
    config = Config(
        retries={"mode": "standard", "max_attempts": 5},
        connect_timeout=5,
        read_timeout=30,
        max_pool_connections=32,
    )
    return boto3.client(service, config=config)  # type: ignore[call-overload]


@cache
def world() -> World:
    """The world of this process, from its environment."""
    return World(Settings.from_environment())
