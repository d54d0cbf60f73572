"""Forged, mutated, replayed and late messages; bodies of any kind; and many senders at once."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.match_triggers import app as match_triggers
from headgate.adapters.memory import MemoryWorld
from headgate.domain.events import Event
from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Environment, Job, JobsFile
from tests.senders import NOW, SECRET, SENDERS, Sent, secret_of, signed, started, stored_secret
from tests.unit.functions.conftest import CONTEXT, Answer

# What is signed over the body; with the others whoever has the secret may say what they like.
OVER_THE_BODY = ("fivetran", "github", "dbt_cloud", "webhook/erp", "webhook/std")
PROOFS = {
    "fivetran": "x-fivetran-signature-256", "github": "x-hub-signature-256", "gitlab": "x-gitlab-token",
    "dbt_cloud": "authorization", "webhook/hightouch": "x-api-key", "webhook/erp": "x-signature",
    "webhook/std": "webhook-signature",
}  # fmt: skip


def flipped(text: bytes, position: int, bit: int) -> bytes:
    return text[:position] + bytes([text[position] ^ 1 << bit]) + text[position + 1 :]


def with_proof(sent: Sent, sender: str, proof: str) -> Sent:
    return sent.with_header(PROOFS[sender], proof) if sender in PROOFS else sent.changed(token=proof)


def forged_proofs(sender: str, proof: str) -> Iterator[str]:
    """The right proof, spoilt."""
    yield from ("", " ", "0" * len(proof), proof[:-1], proof[1:], proof + "0", proof * 2, "not hex at all")
    yield from (
        "\u2028",
        "\U0001f984",
        "\ud800",
        "\u00e4" * len(proof),
        proof + "\x00",
        proof.replace("a", "\u0430") + "\u0430",
    )
    yield from (f"sha256={proof}x", "sha256=", "v1,", "v1=", "Basic:" + proof, "null", "undefined", "true")
    for position in range(len(proof)):
        other = "0" if proof[position] != "0" else "1"
        yield proof[:position] + other + proof[position + 1 :]


def forgeries() -> Iterator[tuple[str, Sent]]:
    for sender in SENDERS:
        body = started(sender)
        sent = signed(sender, body)
        proof = sent.delivery.headers.get(PROOFS.get(sender, ""), sent.delivery.token)
        for forged in forged_proofs(sender, proof):
            yield f"{sender}: {forged!r}", with_proof(sent, sender, forged)
        for secret in (
            "",
            "another",
            SECRET[:-1],
            SECRET + " x",
            stored_secret(sender) + "x",
            SECRET.upper(),
        ):
            yield f"{sender} by {secret!r}", signed(sender, body, secret)
        for other in SENDERS:
            if other != sender:
                stranger = signed(other, body).delivery
                yield (
                    f"{sender} as {other}",
                    sent.changed(headers=stranger.headers, token=stranger.token[:-1]),
                )
        if sender in OVER_THE_BODY:
            for position in range(0, len(body), max(1, len(body) // 90)):
                yield f"{sender} bit {position}", sent.changed(body=flipped(body, position, position % 8))
            yield f"{sender} longer", sent.changed(body=body + b" ")
            yield f"{sender} shorter", sent.changed(body=body[:-1])
            yield f"{sender} empty", sent.changed(body=b"")
    for sender, header in (("webhook/erp", "x-timestamp"), ("webhook/std", "webhook-timestamp")):
        for late in (-90_000, -301, -1, 1, 301, 90_000):
            # Another time than the one that is signed, and a signed one that is too far away.
            yield (
                f"{sender} at {late}",
                signed(sender, started(sender)).with_header(header, str(int(NOW) + late)),
            )
            if abs(late) > 300:
                yield f"{sender} signed at {late}", signed(sender, started(sender), now=NOW + late)
    yield "webhook/std of another id", signed("webhook/std", b"{}").with_header("webhook-id", "msg_2")


def test_no_forgery_gets_in(answer: Answer, world: MemoryWorld, quiet: None) -> None:
    world.secrets.values["webhooks/fivetran/other"] = {"secret": "the secret of another source"}
    accepted, tried = [], 0
    for name, sent in forgeries():
        tried += 1
        status, told = answer(replace(sent), encoded=True)
        if (status, told) != (401, {"error": "signature refused"}):
            accepted.append((name, status))
    for secret in (SECRET, "the secret of another source"):
        origin = "other" if secret == SECRET else "default"
        assert answer(signed("fivetran", started("fivetran"), secret, origin=origin))[0] == 401
    assert accepted == []
    assert (tried > 1_000, world.events.recent(), world.bus.published) == (True, [], [])


def test_a_replay_does_nothing_more(answer: Answer, world: MemoryWorld, quiet: None) -> None:
    for sender in SENDERS:
        for _ in range(30):
            assert answer(signed(sender, started(sender)))[0] == 200
    assert len(world.bus.published) == len(world.events.recent(1_000)) == len(SENDERS)


# Bodies of any kind -------------------------------------------------------------------------------------------------

HOSTILE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20),
    st.sampled_from(["", "\x00", "\u2028", "a" * 300, "-1", "9" * 40, [], {}, [[]], {"": ""}, 10**300, -(2**63),
                     "2026-11-22", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "refs/heads/",
                     {"id": None}, {"full_name": 1}, {"status": ["SUCCESSFUL"]}]),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)  # fmt: skip
RAW = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [b"", b"[" * 5_000, b'{"a":' * 5_000, b'{"a":NaN}', b'{"a":1e400}', b'{"a":1,"a":1}', b'{"a":"\\ud800"}',
         b'\xff\xfe{}', b'{"a":' + b"9" * 6_000 + b"}", b'{"a":"\x00"}', b"null", b"{}", b'{"data":{}}']
    ),
)  # fmt: skip
Case = tuple[str, int, int, Any, bytes | None]
CASES = st.lists(
    st.tuples(
        st.sampled_from(SENDERS), st.integers(0, 30), st.integers(0, 3), HOSTILE, st.one_of(st.none(), RAW)
    ),
    min_size=50,
    max_size=50,
)


def mutated(sender: str, place: int, way: int, value: Any) -> bytes:
    """A good body with one field changed, gone, doubled or added, at any depth."""
    found = json.loads(started(sender))
    places = list(_places(found))
    owner, key = places[place % len(places)]
    if way == 0:
        owner[key] = value
    elif way == 1:
        del owner[key]
    elif way == 2:
        owner[key] = [owner[key], value]
    else:
        owner[str(value)] = value
    return json.dumps(found).encode("utf-8", "surrogatepass")


def _places(found: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    for key, value in found.items():
        yield found, key
        if isinstance(value, dict):
            yield from _places(value)


@settings(
    max_examples=400,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(CASES)
def test_twenty_thousand_signed_bodies_of_any_kind_are_answered(
    answer: Answer, world: MemoryWorld, quiet: None, cases: list[Case]
) -> None:
    world.events = type(world.events)(world.clock)
    for sender, place, way, value, raw in cases:
        body = mutated(sender, place, way, value) if raw is None else raw
        began = time.perf_counter()
        status, told = answer(signed(sender, body), encoded=True)
        assert status in (200, 400), (sender, body, told)
        # Far from what it takes; a body that could keep the function busy takes longer.
        assert time.perf_counter() - began < 5.0, body
        for kept in told.values():
            assert kept.isprintable(), kept


# Many at once -------------------------------------------------------------------------------------------------------

SYNCS, COPIES = 1_000, 10


def deliveries(now: float) -> list[Sent]:
    """Each sync ten times, in any order; every third with the secret that was valid before."""
    sent = [
        signed(sender, started(sender, number, now), "old" if (number + copy) % 3 == 0 else SECRET)
        for number in range(SYNCS)
        for copy in range(COPIES)
        for sender in (("fivetran", "airbyte")[number % 2],)
    ]
    Random(5).shuffle(sent)
    return sent


def test_ten_thousand_deliveries_of_a_thousand_syncs_at_once(
    answer: Answer, world: MemoryWorld, quiet: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate("syncs", (Awaited("fivetran", "stripe"), Awaited("airbyte", "hubspot")))
    environment = Environment("production", "prod", "analytics")
    job = Job("finance", "production", ("dbt build",), gates=(gate,))
    world.jobs.apply(JobsFile((environment,), (job,), (), origin="finance"))
    world.jobs.point_at("production", "d" * 64)
    for sender in ("fivetran", "airbyte"):
        world.secrets.values[secret_of(sender)] = {
            "secret": SECRET, "previous": "old", "previous_until": "2026-11-23T00:00:00+00:00",
        }  # fmt: skip
    events = [sent.event() for sent in deliveries(world.clock.now())]
    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(lambda event: _timed(answer, event), events))
    assert {status for status, _, _ in answered} == {200}
    assert sum(told == "accepted" for _, told, _ in answered) >= SYNCS
    assert len(world.events.recent(20_000)) == SYNCS
    monkeypatch.setattr(match_triggers, "world", lambda: world)
    published = [_on_the_bus(event) for event in world.bus.published]
    Random(6).shuffle(published)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda event: match_triggers.handler(event, CONTEXT), published + published[:500]))
    runs = world.runs.list_runs(20_000)
    assert len(runs) == len({run.cause.key for run in runs}) == SYNCS
    taken = sorted(seconds * 1e3 for _, _, seconds in answered)
    half, most = taken[len(taken) // 2], taken[-len(taken) // 100]
    print(f"{len(taken)} deliveries acknowledged in process: p50 {half:.1f} ms, p99 {most:.1f} ms")


def _timed(answer: Answer, event: dict[str, Any]) -> tuple[int, str, float]:
    began = time.perf_counter()
    status, told = answer(event)
    return status, told.get("status", ""), time.perf_counter() - began


def _on_the_bus(event: Event) -> dict[str, Any]:
    return {"source": "headgate", "detail-type": event.detail_type(), "detail": event.model_dump(mode="json")}


def test_base64_of_anything_is_answered(answer: Answer, quiet: None) -> None:
    random = Random(7)
    for _ in range(300):
        body = random.choice(
            [random.randbytes(20).hex(), base64.b85encode(random.randbytes(9)).decode(), "====", "\u00e4"]
        )
        event = {**signed("fivetran", b"{}").event(), "body": body, "isBase64Encoded": True}
        assert answer(event)[0] in (400, 401)
