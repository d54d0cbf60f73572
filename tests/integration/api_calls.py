"""Which permissions the code uses: every AWS call becomes the actions and resources that IAM would ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from botocore.client import BaseClient
from botocore.exceptions import ClientError

ACCOUNT = "eu-central-1:123456789012"
TABLE = f"arn:aws:dynamodb:{ACCOUNT}:table/headgate"
BUCKET = "arn:aws:s3:::headgate"
CLUSTER = f"arn:aws:ecs:{ACCOUNT}:cluster/headgate"
BUS = f"arn:aws:events:{ACCOUNT}:event-bus/headgate"
TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
}


@dataclass(frozen=True)
class Use:
    """One permission that was needed."""

    action: str
    resource: str
    leading_key: str = ""
    source: str = ""
    cluster: str = ""

    @property
    def context(self) -> dict[str, Any]:
        context: dict[str, Any] = {}
        if self.leading_key:
            context["dynamodb__LeadingKeys"] = [self.leading_key]
        if self.source:
            context["events__source"] = self.source
        if self.cluster:
            context["ecs__cluster"] = self.cluster
        return context


@dataclass
class Recorder:
    """What each role used, in the order of use."""

    uses: dict[str, list[Use]] = field(default_factory=dict)
    role: str = ""

    @contextmanager
    def acting_as(self, role: str) -> Iterator[None]:
        """Calls in this block are the role's."""
        self.role = role
        yield
        self.role = ""

    def record(self, service: str, operation: str, parameters: Mapping[str, Any], *, missing: bool) -> None:
        if not self.role:
            return
        found = list(uses_of(service, operation, parameters))
        if missing and service == "s3":
            # S3 tells 404 from 403 only to those who may list.
            found.append(Use("s3:ListBucket", BUCKET))
        self.uses.setdefault(self.role, []).extend(found)


def listen(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """A recorder of all of boto3's calls."""
    recorder, original = Recorder(), BaseClient._make_api_call

    def call(client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        service, missing = client.meta.service_model.service_name, False
        try:
            return original(client, operation, parameters)
        except ClientError as fault:
            missing = fault.response["Error"]["Code"] in ("NoSuchKey", "404")
            raise
        finally:
            recorder.record(service, operation, parameters, missing=missing)

    monkeypatch.setattr(BaseClient, "_make_api_call", call)
    return recorder


def uses_of(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[Use]:
    """The permissions of one call. Raises KeyError for a service that is not known here."""
    if service == "dynamodb":
        yield from _of_dynamodb(operation, parameters)
    elif service == "s3":
        action = {"HeadObject": "GetObject", "ListObjectsV2": "ListBucket"}.get(operation, operation)
        yield Use(f"s3:{action}", f"{BUCKET}/{parameters['Key']}" if "Key" in parameters else BUCKET)
    elif service == "events":
        for entry in parameters["Entries"]:
            yield Use("events:PutEvents", BUS, source=entry["Source"])
    elif service == "ecs":
        for task in parameters.get("tasks") or [parameters.get("task", "*")]:
            yield Use(f"ecs:{operation}", task, cluster=parameters["cluster"])
    elif service == "stepfunctions" and "executionArn" in parameters:
        yield Use(f"states:{operation}", parameters["executionArn"])
    else:
        prefix, name = {
            "secretsmanager": ("secretsmanager", "SecretId"),
            "stepfunctions": ("states", "stateMachineArn"),
            "sns": ("sns", "TopicArn"),
        }[service]
        resource = parameters[name]
        if service == "secretsmanager":
            resource = f"arn:aws:secretsmanager:{ACCOUNT}:secret:{resource}-AbCdEf"
        yield Use(f"{prefix}:{operation}", resource)


def _of_dynamodb(operation: str, parameters: Mapping[str, Any]) -> Iterator[Use]:
    if operation == "TransactWriteItems":
        for action in parameters["TransactItems"]:
            ((kind, request),) = action.items()
            yield Use(f"dynamodb:{TRANSACTED[kind]}", TABLE, _partition(request))
    elif operation == "BatchGetItem":
        for request in parameters["RequestItems"].values():
            yield from (Use("dynamodb:BatchGetItem", TABLE, key["pk"]["S"]) for key in request["Keys"])
    elif operation == "BatchWriteItem":
        for requests in parameters["RequestItems"].values():
            for request in requests:
                ((_, inner),) = request.items()
                yield Use("dynamodb:BatchWriteItem", TABLE, _partition(inner))
    elif operation == "Query":
        index = parameters.get("IndexName")
        yield Use("dynamodb:Query", f"{TABLE}/index/{index}" if index else TABLE, _queried(parameters))
    else:
        yield Use(f"dynamodb:{operation}", TABLE, _partition(parameters))


def _partition(request: Mapping[str, Any]) -> str:
    key = (request.get("Key") or request["Item"])["pk"]
    return str(key["S"] if isinstance(key, dict) else key)


def _queried(parameters: Mapping[str, Any]) -> str:
    match = re.match(r"(#\w+) = (:\w+)", parameters["KeyConditionExpression"])
    assert match, parameters["KeyConditionExpression"]
    assert parameters["ExpressionAttributeNames"][match[1]] in ("pk", "listing_pk", "open_pk")
    return str(parameters["ExpressionAttributeValues"][match[2]]["S"])
