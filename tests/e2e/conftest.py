"""The local stack, once for a file of end-to-end tests, in a project folder of its own: the real template, real dbt."""

import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from headgate_local import stack as local_stack
from headgate_local.demo.receiver import AlertReceiver
from headgate_local.environment import client_environment
from headgate_local.local_file import LocalStack
from tests.conftest import Postgres

REPOSITORY = Path(__file__).resolve().parents[2]
OWN = {".headgate", ".git", ".aws-sam"}
FINAL = {"success", "error", "cancelled"}


@dataclass(frozen=True)
class Stack:
    """The running stack as its users meet it: a command line, an HTTP address, a warehouse."""

    root: Path
    local: LocalStack
    receiver: AlertReceiver
    shop: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **client_environment(self.local)}

    @property
    def warehouse(self) -> Postgres:
        address = self.local.warehouse
        return Postgres(address.host, address.port, address.user, address.password, address.dbname)

    def headgate(self, *arguments: str, expected: int = 0) -> str:
        """Run the command line; its standard output."""
        ended = subprocess.run(
            [str(Path(sys.executable).parent / "headgate"), *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert ended.returncode == expected, (
            f"{arguments}: {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        )
        return ended.stdout

    def json(self, *arguments: str, expected: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.headgate(*arguments, "--json", expected=expected))
        return found

    def asked(self, path: str) -> dict[str, Any]:
        """What the API answers; for looking again and again, a command each time would take a processor of its own."""
        bearer = {"authorization": f"Bearer {self.local.api_token}"}
        answer = httpx.get(f"{self.local.url}/api/{path}", headers=bearer, timeout=40)
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    def runs(self, job: str = "") -> dict[int, dict[str, Any]]:
        """The latest runs, oldest first."""
        found = self.asked("runs?limit=50" + (f"&job={job}" if job else ""))["runs"]
        return {run["run_id"]: run for run in reversed(found)}

    def finished(self, run_id: int, seconds: float = 120) -> dict[str, Any]:
        """The run once it is final."""
        wait_for(lambda: self.asked(f"runs/{run_id}")["run"]["status"] in FINAL, seconds)
        return self.json("runs", "view", str(run_id))

    def publish(self) -> None:
        self.headgate("publish", "--project-dir", str(self.shop), "--environment", "production")

    def sync_ended(self, connector: str, **changes: Any) -> bytes:
        body = {
            "event": "sync_end",
            "created": datetime.now(UTC).isoformat(),
            "connector_type": "postgres",
            "connector_id": connector,
            "connector_name": connector,
            "sync_id": str(uuid.uuid4()),
            "data": {"status": "SUCCESSFUL"},
        }
        return json.dumps({**body, **changes}).encode()

    def post(
        self, body: bytes, signature: str | None = None, path: str = "/webhooks/fivetran/default"
    ) -> httpx.Response:
        signed = hmac.new(self.local.fivetran_secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"content-type": "application/json", "X-Fivetran-Signature-256": signature or signed}
        return httpx.post(f"{self.local.url}{path}", content=body, headers=headers, timeout=40)

    def run_after(self, body: bytes) -> int:
        """Post an event and return the one run that it starts."""
        before = self.runs().keys()
        assert self.post(body).json()["status"] == "accepted"
        wait_for(lambda: self.runs().keys() - before, 30)
        [run_id] = self.runs().keys() - before
        return int(run_id)

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.local.endpoint,
            region_name=self.local.region,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def artifact(self, run_id: int, name: str, step: int = 1) -> bytes:
        key = f"runs/{run_id}/steps/{step:02d}/{name}"
        found = self.client("s3").get_object(Bucket=self.local.outputs["BucketName"], Key=key)
        body: bytes = found["Body"].read()
        return body


def wait_for(holds: Callable[[], object], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, f"not within {seconds} s"
        time.sleep(0.3)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """The stack with the shop published and its jobs applied; nothing of it is left afterwards."""
    # Not below pytest's own folders, which are closed to the user that Postgres runs as.
    root = Path(tempfile.mkdtemp(prefix="hg-e2e-"))
    root.chmod(0o755)
    for entry in REPOSITORY.iterdir():
        if entry.name not in OWN:
            (root / entry.name).symlink_to(entry)
    try:
        local = local_stack.up(root, port=8180, detach=True)
        receiver = AlertReceiver(root / ".headgate" / "receiver-port")
        shop = Path(shutil.copytree(REPOSITORY / "examples" / "shop", root / ".headgate" / "shop"))
        stack = Stack(root, local, receiver, shop)
        stack.client("secretsmanager").put_secret_value(
            SecretId=f"{local.outputs['SecretsPrefix']}/slack",
            SecretString=json.dumps({"#finance-data": receiver.url}),
        )
        stack.publish()
        stack.headgate("jobs", "apply", "--file", str(shop / "headgate.yml"))
        yield stack
        receiver.close()
    finally:
        local_stack.down(root)
        shutil.rmtree(root, ignore_errors=True)
