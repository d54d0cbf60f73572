"""A secret is rotated while deliveries come in: none is refused, and the old one is worth nothing afterwards."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest

from headgate.adapters.aws.secrets_manager import CACHE_SECONDS, SecretsManagerSecrets
from headgate.adapters.memory import MemoryWorld
from headgate.adapters.webhooks.readers import Readers
from headgate.domain.webhook_secret import first_secret, rotated, valid_secrets
from headgate.errors import WebhookError
from headgate.usecases.receive_webhook import receive_webhook
from tests.senders import FILE, NOW, SENDERS, Sent, secret_of, signed, started, stored_secret

OVERLAP = 2 * CACHE_SECONDS


class Service:
    """Secrets Manager itself, with a count of its reads."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        self.reads += 1
        return {"SecretString": self.texts[SecretId]}

    def store(self, sender: str, values: dict[str, str]) -> None:
        self.texts[f"stack/{secret_of(sender)}"] = json.dumps(values)


class Processes:
    """Three function processes, each with its own memory of secrets, over one table."""

    def __init__(self) -> None:
        self.world, self.service = MemoryWorld(), Service()
        self.world.clock.advance(NOW - self.world.clock.now())
        self.world.jobs.apply(FILE)
        client: Any = self.service
        self.caches = [SecretsManagerSecrets(client, "stack", self.world.clock) for _ in range(3)]

    def status(self, sent: Sent, process: int) -> int:
        try:
            receive_webhook(
                sent.provider, sent.delivery, readers=Readers(self.world.jobs), events=self.world.events,
                bus=self.world.bus, secrets=self.caches[process], clock=self.world.clock,
            )  # fmt: skip
        except WebhookError as refusal:
            return refusal.status
        return 200


@pytest.mark.parametrize("sender", SENDERS)
def test_a_thousand_deliveries_around_a_rotation(sender: str) -> None:
    processes, random = Processes(), Random(sender)
    clock, old, new = processes.world.clock, stored_secret(sender, "old"), stored_secret(sender, "new")
    processes.service.store(sender, first_secret(old, clock.now()))
    refused = 0
    for number in range(1_000):
        if number == 300:
            at = clock.now()
            processes.service.store(sender, rotated({"secret": old}, new, at, OVERLAP))
            clock.advance(1)  # as long as `headgate trigger rotate` waits before it shows the new one
        clock.advance(random.uniform(0, 0.7))
        # From then on senders use either, for as long as the overlap lasts.
        chosen = "old" if number < 300 else random.choice(["old", "new"])
        sent = signed(sender, started(sender, number, clock.now()), chosen, now=clock.now())
        refused += processes.status(sent, random.randrange(3)) != 200
    assert clock.now() < at + OVERLAP
    assert refused == 0
    # A process that read the secret in the very last moment knows its end all the same.
    clock.advance(at + OVERLAP - clock.now() - 0.001)
    for late, expected in ((False, 200), (True, 401)):
        if late:
            clock.advance(0.001)
        for process in range(3):
            body = started(sender, 2_000 + process + 10 * late, clock.now())
            assert processes.status(signed(sender, body, "old", now=clock.now()), process) == expected
            assert processes.status(signed(sender, body, "new", now=clock.now()), process) == 200


def test_strangers_cause_one_read_a_second() -> None:
    processes = Processes()
    processes.service.store("fivetran", {"secret": "s"})
    for number in range(500):
        forged = signed("fivetran", started("fivetran", number), "another")
        assert processes.status(forged, 0) == 401
        processes.world.clock.advance(0.01)
    assert processes.service.reads <= 7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ()),
        ({"secret": ""}, ()),
        ({"secret": "a"}, ("a",)),
        ({"secret": "a", "previous": "b"}, ("a",)),
        ({"secret": "a", "previous": "b", "previous_until": "soon"}, ("a",)),
        ({"secret": "a", "previous": "", "previous_until": "2999-01-01"}, ("a",)),
        ({"secret": "a", "previous": "b", "previous_until": "2026-11-22T18:31:08Z"}, ("a", "b")),
        ({"secret": "a", "previous": "b", "previous_until": "2026-11-22T18:31:07Z"}, ("a",)),
        ({"secret": "a", "previous": "b", "previous_until": "2026-11-22T19:31:08+01:00"}, ("a", "b")),
        ({"secret": "", "previous": "b", "previous_until": "2999-01-01"}, ("b",)),
    ],
    ids=str,
)
def test_which_secrets_are_valid(values: dict[str, str], expected: tuple[str, ...]) -> None:
    assert valid_secrets(values, NOW) == expected


def test_a_rotation_keeps_what_else_a_secret_holds() -> None:
    values = {"secret": "a", "previous": "z", "previous_until": "x", "api_url": "u"}
    assert rotated(values, "b", NOW, 0) == {
        "secret": "b",
        "since": "2026-11-22T18:31:07.000+00:00",
        "api_url": "u",
    }
    kept = rotated(values, "b", NOW, 60)
    assert (kept["previous"], kept["previous_until"]) == ("a", "2026-11-22T18:32:07.000+00:00")
