"""Alerts from the queue: rules decide who is told; each address is told once, however often SQS delivers."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.typing import LambdaContext

from headgate.bootstrap import world
from headgate.domain.alerts import Alert
from headgate.observability import logger
from headgate.usecases.route_alerts import Delivery, route_alerts

processor = BatchProcessor(event_type=EventType.SQS)
config = IdempotencyConfig(event_key_jmespath="key", expires_after_seconds=7 * 24 * 3600)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    ports = world()
    config.register_lambda_context(context)
    store = DynamoDBPersistenceLayer(
        table_name=ports.settings.table,
        key_attr="pk",
        sort_key_attr="sk",
        static_pk_value="delivery",
        expiry_attr="expires_at",
    )

    # The library does not type what it wraps.
    @idempotent_function(data_keyword_argument="once", persistence_store=store, config=config)  # type: ignore[untyped-decorator]
    def send(once: dict[str, str], delivery: Delivery) -> None:
        ports.notifier(delivery.channel).send(delivery.alert, delivery.address)
        logger.info("alert delivered", key=once["key"], channel=delivery.channel, address=delivery.address)

    def route(record: SQSRecord) -> None:
        alert = Alert.from_message(json.loads(record.body))
        deliveries = route_alerts(
            alert,
            rules=ports.jobs.alert_rules(),
            deliver=lambda delivery: send(once={"key": delivery.key}, delivery=delivery),
        )
        if not deliveries:
            logger.info("no rule matches", node=alert.node, run_id=alert.run_id)

    return process_partial_response(event=event, record_handler=route, processor=processor, context=context)
