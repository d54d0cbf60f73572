"""From a webhook to the first node, and from the last node to the final status, on the local stack.

Cold: the stack was just started, no function has run yet. Warm: the runs after that. `python -m benchmarks.latency`
"""

import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime
from statistics import median

import httpx

from benchmarks.laptop import ROOT, Laptop, laptop, moment
from benchmarks.tables import table
from headgate_local import stack as local_stack

SHOP = ROOT / "examples" / "shop"
WARM_ROUNDS = 3


def measure() -> str:
    """The table of this benchmark."""
    local_stack.down(ROOT)  # a stack that has worked is not cold
    with laptop() as machine:
        machine.headgate("publish", "--project-dir", str(SHOP), "--environment", "production")
        machine.headgate("jobs", "apply", "--file", str(SHOP / "headgate.yml"))
        cold = _once(machine)
        warm = [_once(machine) for _ in range(WARM_ROUNDS)]
    columns = ("seconds", "cold", f"warm, median of {WARM_ROUNDS}", "goal cold", "goal warm")
    names = ("webhook answered", "webhook accepted to first node started", "last node to run final")
    goals = ((1.0, 1.0), (10.0, 6.0), (3.0, 3.0))
    rows = [(name, cold[i], median(times[i] for times in warm), *goals[i]) for i, name in enumerate(names)]
    return table("Latency on the local stack", columns, rows)


def _once(machine: Laptop) -> tuple[float, float, float]:
    """Seconds: to the answer, from the answer to the first node, from the last node to the final status."""
    known = {run.run_id for run in machine.world.runs.list_runs()}
    posted = time.time()
    _post(machine)
    accepted = time.time()
    while not (new := [r.run_id for r in machine.world.runs.list_runs() if r.run_id not in known]):
        time.sleep(0.5)
    run = machine.finished(new[0])
    nodes = [
        node for node in machine.nodes(run) if node.started_at and not node.unique_id.startswith("step.")
    ]
    first = min(moment(node.started_at) for node in nodes)
    last = max(moment(node.finished_at) for node in nodes)
    return accepted - posted, first - accepted, moment(run.finished_at) - last


def _post(machine: Laptop) -> None:
    body = json.dumps(
        {
            "event": "sync_end",
            "created": datetime.now(UTC).isoformat(),
            "connector_id": "storefront",
            "sync_id": str(uuid.uuid4()),
            "data": {"status": "SUCCESSFUL"},
        }
    ).encode()
    signature = hmac.new(machine.stack.fivetran_secret.encode(), body, hashlib.sha256).hexdigest()
    answer = httpx.post(
        f"{machine.stack.url}/webhooks/fivetran/{machine.stack.fivetran_source}",
        content=body,
        headers={"X-Fivetran-Signature-256": signature},
        timeout=30,
    )
    answer.raise_for_status()


if __name__ == "__main__":
    print(measure())
