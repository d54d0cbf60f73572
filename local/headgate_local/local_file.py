"""``.headgate/local.json``: what a client needs to talk to the running stack.

It holds secrets (API token, Fivetran secret, the warehouse's password), so only its owner may read it.
"""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from headgate_local.errors import LocalStackError

REGION = "us-east-1"
ACCOUNT = "000000000000"
STACK_NAME = "headgate"


@dataclass(frozen=True)
class WarehouseAddress:
    """How to reach the embedded Postgres."""

    host: str
    port: int
    user: str
    password: str
    dbname: str


@dataclass(frozen=True)
class LocalStack:
    """A running local stack, as written to ``local.json``.

    url          the front door: webhooks, API and console
    endpoint     the emulator, for AWS clients (``AWS_ENDPOINT_URL``)
    outputs      the outputs of the deployed template
    pids         process id of the supervisor and of each part
    started_at   ISO 8601, UTC
    """

    url: str
    endpoint: str
    warehouse: WarehouseAddress
    started_at: str
    region: str = REGION
    account: str = ACCOUNT
    stack_name: str = STACK_NAME
    outputs: dict[str, str] = field(default_factory=dict)
    api_token: str = ""
    fivetran_secret: str = ""
    fivetran_source: str = "default"
    pids: dict[str, int] = field(default_factory=dict)


def write_private(path: Path, content: Any) -> None:
    """Write JSON that only the owner may read, all at once: readers never see half a file."""
    partial = path.with_suffix(f".{os.getpid()}.tmp")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=2)
        file.write("\n")
    partial.replace(path)


def write_local_file(path: Path, stack: LocalStack) -> None:
    write_private(path, asdict(stack))


def read_local_file(path: Path) -> LocalStack | None:
    """The stack that was last started here, running or not; None when there is none.

    Raises LocalStackError for a file that this version did not write.
    """
    try:
        content = json.loads(path.read_text())
        return LocalStack(**{**content, "warehouse": WarehouseAddress(**content["warehouse"])})
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as damaged:
        raise LocalStackError(
            f"{path} cannot be read ({damaged}); `headgate local reset` starts afresh"
        ) from damaged
