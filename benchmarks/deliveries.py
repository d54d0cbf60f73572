"""Many deliveries at once: each event counts once, nothing is lost, and how long a sender waits for its answer.

In process: the function's handler in a world in memory, ten thousand deliveries of a thousand syncs, a third of them
signed with the secret of before a rotation. On the local stack: signed requests through the front door, as many as two
cores take. `python -m benchmarks.deliveries`
"""

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from types import SimpleNamespace
from typing import Any

import httpx

from benchmarks.laptop import Laptop, laptop
from benchmarks.tables import table
from functions.match_triggers import app as match_triggers
from functions.receive_webhook import app as receive_webhook
from headgate.adapters.memory import MemoryWorld
from headgate.adapters.webhooks.fivetran import SIGNATURE_HEADER, sign
from headgate.domain.events import Event
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Environment, Job, JobsFile

SYNCS, COPIES, SENDERS = 1_000, 10, 8
LOCAL_SYNCS, LOCAL_COPIES = 200, 4
NEW, OLD = "new-secret", "old-secret"
CONTEXT: Any = SimpleNamespace(
    function_name="deliveries", memory_limit_in_mb=512, invoked_function_arn="arn", aws_request_id="request"
)
Post = Callable[[tuple[bytes, str]], tuple[int, str, float]]


def measure() -> str:
    """The table of this benchmark."""
    columns = ("", "deliveries", "events", "runs", "5xx", "p50 ms", "p99 ms", "a second")
    with laptop() as machine:
        rows = [in_process(), on_the_stack(machine)]
    return table("Deliveries of webhooks, eight senders at once", columns, rows)


def in_process() -> tuple[object, ...]:
    world = _world()
    receive_webhook.world = match_triggers.world = lambda: world  # type: ignore[assignment]
    for app in (receive_webhook, match_triggers):
        app.logger.setLevel("CRITICAL")
    sent = [
        (body, sign(body, OLD if number % 3 == 0 else NEW))
        for body in (_body(f"sync-{number}", world.clock.now()) for number in range(SYNCS))
        for number in range(COPIES)
    ]
    answered, seconds = _all(sent, _into_handler)
    published = [_on_the_bus(event) for event in world.bus.published]
    with ThreadPoolExecutor(SENDERS) as pool:
        list(pool.map(lambda event: match_triggers.handler(event, CONTEXT), published))
    events, runs = len(world.events.recent(100_000)), len(world.runs.list_runs(100_000))
    return ("in process", *_row(answered, seconds, events, runs))


def on_the_stack(machine: Laptop) -> tuple[object, ...]:
    """Of a connector that no job waits for: what is measured is the way in."""
    secret = machine.world.secrets.get("webhooks/fivetran/default")["secret"]
    address = f"{machine.stack.url}/webhooks/fivetran/default"
    series = uuid.uuid4().hex
    bodies = [_body(f"{series}-{number}", time.time()) for number in range(LOCAL_SYNCS)]
    sent = [(body, sign(body, secret)) for body in bodies for _ in range(LOCAL_COPIES)]
    with httpx.Client(timeout=60) as client:
        # Every process of a function that will be needed is there before anything is measured.
        early = [_body(f"{series}x{number}", time.time()) for number in range(5 * SENDERS)]
        _all([(body, sign(body, secret)) for body in early], lambda one: _over_http(client, address, one))
        answered, seconds = _all(sent, lambda one: _over_http(client, address, one))
    known = machine.world.events.recent(10 * LOCAL_SYNCS)
    events = sum(f"{series}-" in str(event["event_id"]) for event in known)
    return ("local stack, HTTP", *_row(answered, seconds, events, "-"))


def _world() -> MemoryWorld:
    world = MemoryWorld()
    gate = Gate("fivetran", (Awaited("fivetran", "stripe"),))
    environment = Environment("production", "prod", "analytics")
    world.jobs.apply(
        JobsFile((environment,), (Job("finance", "production", ("dbt build",), gates=(gate,)),), ())
    )
    world.secrets.values["webhooks/fivetran/default"] = {
        "secret": NEW,
        "previous": OLD,
        "previous_until": "9999-01-01T00:00:00+00:00",
    }
    return world


def _all(sent: list[tuple[bytes, str]], post: Post) -> tuple[list[tuple[int, str, float]], float]:
    Random(7).shuffle(sent)
    began = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as pool:
        answered = list(pool.map(post, sent))
    return answered, time.perf_counter() - began


def _into_handler(one: tuple[bytes, str]) -> tuple[int, str, float]:
    body, signature = one
    event = {
        "pathParameters": {"provider": "fivetran", "source": "default"},
        "headers": {SIGNATURE_HEADER: signature},
        "body": body.decode(),
    }
    began = time.perf_counter()
    answer = receive_webhook.handler(event, CONTEXT)
    return int(answer["statusCode"]), str(answer["body"]), time.perf_counter() - began


def _over_http(client: httpx.Client, address: str, one: tuple[bytes, str]) -> tuple[int, str, float]:
    body, signature = one
    began = time.perf_counter()
    answer = client.post(address, content=body, headers={SIGNATURE_HEADER: signature})
    return answer.status_code, answer.text, time.perf_counter() - began


def _row(
    answered: Sequence[tuple[int, str, float]], seconds: float, events: int, runs: object
) -> tuple[object, ...]:
    statuses = Counter(status // 100 for status, _, _ in answered)
    if statuses.keys() - {2, 5}:
        raise RuntimeError(f"some deliveries were refused: {statuses}")
    waits = sorted(wait * 1e3 for _, _, wait in answered)
    p50, p99 = waits[len(waits) // 2], waits[len(waits) * 99 // 100]
    return len(answered), events, runs, statuses[5], p50, p99, len(answered) / seconds


def _body(sync: str, now: float) -> bytes:
    message = {
        "event": "sync_end",
        "created": datetime.fromtimestamp(now, UTC).isoformat(),
        "connector_id": "stripe" if sync.startswith("sync-") else "nobody_waits",
        "sync_id": sync,
        "data": {"status": "SUCCESSFUL"},
    }
    return json.dumps(message).encode()


def _on_the_bus(event: Event) -> dict[str, Any]:
    return {
        "source": "headgate",
        "detail-type": event.detail_type(),
        "detail": event.model_dump(mode="json"),
    }


if __name__ == "__main__":
    print(measure())
