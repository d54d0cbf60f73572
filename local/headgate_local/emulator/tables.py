"""A DynamoDB table made by CloudFormation has its time to live; ministack ignores the property there."""

from typing import Any

from ministack.services import dynamodb
from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor, anchor_key

TABLE = "AWS::DynamoDB::Table"


def install() -> None:
    anchor(dynamodb, "_update_ttl", "data")
    handler = anchor_key(provisioners._RESOURCE_HANDLERS, TABLE, "provisioners._RESOURCE_HANDLERS")
    create, update = handler["create"], handler["update"]

    def create_with_ttl(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        name, attributes = create(logical_id, properties, stack)
        _apply(name, properties)
        return name, attributes

    def update_with_ttl(name: str, old: dict[str, Any], new: dict[str, Any], *rest: Any, **named: Any) -> Any:
        updated = update(name, old, new, *rest, **named)
        _apply(updated[0] if isinstance(updated, tuple) else name, new)
        return updated

    handler["create"], handler["update"] = create_with_ttl, update_with_ttl


def _apply(table: str, properties: dict[str, Any]) -> None:
    specification = properties.get("TimeToLiveSpecification")
    if specification:
        enabled = str(specification.get("Enabled", False)).lower() == "true"
        dynamodb._update_ttl(
            {"TableName": table, "TimeToLiveSpecification": {**specification, "Enabled": enabled}}
        )
