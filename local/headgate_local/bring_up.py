"""From running parts to a usable stack: deploy the template, put and read secrets, write ``local.json``."""

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from headgate_local.deploy import client, deploy
from headgate_local.local_file import LocalStack, write_local_file
from headgate_local.parts import EMULATOR, FRONT_DOOR, WAREHOUSE, Report
from headgate_local.places import Places
from headgate_local.warehouse import Warehouse

PROJECT_SECRET = "warehouse/shop"  # noqa: S105 - a name
# Where objects may land that jobs wait for: `s3: {bucket: landing, ...}`.
LANDING_BUCKET = "landing"


def deployed_once(places: Places) -> Path:
    """A file that is there once a deployment succeeded; what a first one left half done is worth nothing."""
    return places.emulator / "deployed"


def deploy_and_describe(
    places: Places, report: Report, port: int, on_step: Callable[[str], None]
) -> LocalStack:
    for note in report.notes:
        on_step(note)
    ports = {name: part.port or 0 for name, part in report.parts.items()}
    if ports[FRONT_DOOR] != port:
        on_step(f"port {port} is taken: the front door is on {ports[FRONT_DOOR]}")
    stack = LocalStack(
        url=f"http://127.0.0.1:{ports[FRONT_DOOR]}",
        endpoint=f"http://127.0.0.1:{ports[EMULATOR]}",
        warehouse=Warehouse(places).address(ports[WAREHOUSE]),
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        pids={"supervisor": report.supervisor.pid}
        | {name: part.pid for name, part in report.parts.items() if part.pid},
    )
    on_step("deploying template.yaml")
    outputs = deploy(places, places.project / "template.yaml", stack.endpoint, local_parameters(stack))
    _make_landing_bucket(client("s3", stack.endpoint))
    deployed_once(places).touch()
    stack = _with_secrets(replace(stack, outputs=outputs))
    write_local_file(places.local_file, stack)
    on_step(f"ready: {stack.url}")
    return stack


def local_parameters(stack: LocalStack) -> dict[str, str]:
    """The template's parameters for a laptop, as far as it declares them."""
    return {
        "ConsoleUrl": stack.url,
        "SubnetIds": "subnet-local",
        "SecurityGroupIds": "sg-local",
        "AssignPublicIp": "DISABLED",
        "RunnerImage": "local",
        "RunnerRetrySeconds": "1",
        "ProtectData": "false",
        "TriggerBuckets": LANDING_BUCKET,
    }


def _make_landing_bucket(s3: Any) -> None:
    """A bucket that tells EventBridge of its objects, as its owner would set it up on AWS."""
    s3.create_bucket(Bucket=LANDING_BUCKET)
    s3.put_bucket_notification_configuration(
        Bucket=LANDING_BUCKET, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )


def _with_secrets(stack: LocalStack) -> LocalStack:
    """Give the warehouse's address to the stack, and read the secrets that the template generated."""
    manager = client("secretsmanager", stack.endpoint)
    outputs = stack.outputs
    if "SecretsPrefix" in outputs:
        name = f"{outputs['SecretsPrefix'].rstrip('/')}/{PROJECT_SECRET}"
        _put_secret(manager, name, json.dumps(asdict(stack.warehouse)))

    def generated(output: str, key: str) -> str:
        if output not in outputs:
            return ""
        return str(json.loads(manager.get_secret_value(SecretId=outputs[output])["SecretString"])[key])

    return replace(
        stack,
        fivetran_secret=generated("FivetranSecretName", "secret"),
        api_token=generated("ApiTokenSecretName", "token"),
    )


def _put_secret(manager: Any, name: str, value: str) -> None:
    try:
        manager.put_secret_value(SecretId=name, SecretString=value)
    except ClientError as refusal:
        if refusal.response["Error"]["Code"] != "ResourceNotFoundException":
            raise
        manager.create_secret(Name=name, SecretString=value)
