"""Deploys a template to the emulator as ``sam deploy`` would to AWS: package, upload, create or update, wait."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from headgate_local.environment import DUMMY_CREDENTIALS
from headgate_local.errors import DeployFailedError
from headgate_local.local_file import REGION, STACK_NAME
from headgate_local.packaging import digest_of, package
from headgate_local.places import Places
from headgate_local.template import (
    Artifact,
    S3Location,
    Template,
    artifacts,
    declared,
    read_template,
    with_locations,
)

BUCKET = "headgate-local-deploy"
LONGEST_INLINE_TEMPLATE = 51_200
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]
DEPLOY_SECONDS = 120
LOOK_EVERY_SECONDS = 0.1


def client(service: str, endpoint: str) -> Any:
    """A boto3 client for the emulator; it can never reach AWS."""
    make: Any = boto3.client  # its overloads want a literal service name
    return make(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=DUMMY_CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=DUMMY_CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 2}, s3={"addressing_style": "path"}),
    )


def deploy(
    places: Places,
    template_file: Path,
    endpoint: str,
    parameters: Mapping[str, str],
    *,
    stack_name: str = STACK_NAME,
) -> dict[str, str]:
    """Create or update the stack and return its outputs.

    ``parameters`` that the template does not declare are left out. Raises DeployFailedError, with the failed
    resources and their reasons, when CloudFormation does not complete.
    """
    template = read_template(template_file.read_text())
    locations = _upload(places, template_file.parent, artifacts(template), endpoint)
    body = json.dumps(with_locations(template, locations), default=str)
    cloudformation = client("cloudformation", endpoint)
    request = {
        "StackName": stack_name,
        "Capabilities": CAPABILITIES,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in declared(template, parameters).items()
        ],
        **_template_argument(body, endpoint),
    }
    _create_or_update(cloudformation, request)
    return _outputs(_wait(cloudformation, stack_name))


def missing_parameters(template: Template, parameters: Mapping[str, str]) -> list[str]:
    """Parameters without a default that nobody gives."""
    return [
        name
        for name, declaration in template.get("Parameters", {}).items()
        if "Default" not in declaration and name not in parameters
    ]


def _upload(places: Places, root: Path, wanted: list[Artifact], endpoint: str) -> dict[Artifact, S3Location]:
    s3 = client("s3", endpoint)
    s3.create_bucket(Bucket=BUCKET)
    locations = {}
    for artifact in wanted:
        content = package(places, root, artifact)
        key = f"{artifact.kind}/{digest_of(content)}"
        s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        locations[artifact] = S3Location(BUCKET, key)
    return locations


def _template_argument(body: str, endpoint: str) -> dict[str, str]:
    """CloudFormation takes large templates only from S3."""
    if len(body) <= LONGEST_INLINE_TEMPLATE:
        return {"TemplateBody": body}
    key = f"template/{digest_of(body.encode())}"
    client("s3", endpoint).put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    return {"TemplateURL": f"{endpoint}/{BUCKET}/{key}"}


def _create_or_update(cloudformation: Any, request: dict[str, Any]) -> None:
    status = _status(cloudformation, request["StackName"])
    if status in ("ROLLBACK_COMPLETE", "CREATE_FAILED", "ROLLBACK_FAILED", "DELETE_FAILED"):
        cloudformation.delete_stack(StackName=request["StackName"])
        status = _status(cloudformation, request["StackName"])
    try:
        if status is None or status == "DELETE_COMPLETE":
            cloudformation.create_stack(**request)
        else:
            cloudformation.update_stack(**request)
    except ClientError as refusal:
        message = refusal.response["Error"]["Message"]
        if "No updates are to be performed" not in message:
            raise DeployFailedError(f"CloudFormation refused the template: {message}") from refusal


def _status(cloudformation: Any, name: str) -> str | None:
    try:
        return str(cloudformation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except (ClientError, IndexError):
        return None


def _wait(cloudformation: Any, name: str) -> dict[str, Any]:
    until = time.monotonic() + DEPLOY_SECONDS
    while time.monotonic() < until:
        stack: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        if stack["StackStatus"] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            return stack
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            raise DeployFailedError(_failures(cloudformation, stack))
        time.sleep(LOOK_EVERY_SECONDS)
    raise DeployFailedError(f"the stack {name} was not deployed after {DEPLOY_SECONDS} s")


def _failures(cloudformation: Any, stack: Mapping[str, Any]) -> str:
    events = cloudformation.describe_stack_events(StackName=stack["StackName"])["StackEvents"]
    failed = [
        f"  {event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(events)
        if event["ResourceStatus"].endswith("_FAILED")
    ]
    head = f"the template did not deploy ({stack['StackStatus']}: {stack.get('StackStatusReason', '')})"
    return "\n".join([head, *dict.fromkeys(failed)])


def _outputs(stack: Mapping[str, Any]) -> dict[str, str]:
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
