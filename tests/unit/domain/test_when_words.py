"""What starts a job, as people read it."""

from __future__ import annotations

import pytest

from headgate.domain.gate import Awaited, Gate
from headgate.domain.job import Job
from headgate.domain.schedule import Schedule
from headgate.domain.when_words import describe_when, span_words

SALESFORCE, STRIPE = Awaited("fivetran", "salesforce"), Awaited("fivetran", "stripe")
CORE = Awaited("job", "load_core", {"status": ("success",)})


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (Gate("fivetran", (STRIPE,)), "fivetran stripe"),
        (Gate("fivetran", (STRIPE,), debounce=300.0), "fivetran stripe: 5 min after the last"),
        (Gate("fivetran", (STRIPE,), else_at="07:00"), "fivetran stripe: else at 07:00 UTC"),
        (Gate("fivetran", (SALESFORCE, STRIPE)), "fivetran salesforce, stripe: any"),
        (Gate("fivetran", (SALESFORCE, STRIPE), needed=2), "fivetran salesforce, stripe: all"),
        (
            Gate(
                "fivetran",
                (SALESFORCE, STRIPE),
                needed=2,
                within=7_200.0,
                else_at="07:00",
                timezone="Europe/Berlin",
            ),
            "fivetran salesforce, stripe: all within 2 h, else at 07:00 Europe/Berlin",
        ),
        (
            Gate("gate", (SALESFORCE, STRIPE, CORE), needed=2, debounce=90.0),
            "fivetran salesforce, stripe + after load_core (success): any 2 of 3, 90 s after the last",
        ),
        (Gate("after", (CORE,)), "after load_core (success)"),
        (
            Gate("after", (CORE, Awaited("model", "core/dim_customers")), needed=2),
            "after load_core (success) + after model core/dim_customers: all",
        ),
        (
            Gate(
                "s3", (Awaited("s3", "landing", {"key": ("a*",)}), Awaited("s3", "landing", {"key": ("b*",)}))
            ),
            "s3 landing/a*, landing/b*: any",
        ),
        (
            Gate(
                "github",
                (Awaited("github", "org/repo", {"event": ("push", "merge"), "branch": ("main",)}),),
            ),
            "github org/repo (push, merge; main)",
        ),
        (Gate("webhook", (Awaited("webhook", "erp/orders"),)), "webhook erp/orders"),
    ],
)
def test_a_gate(gate: Gate, words: str) -> None:
    assert describe_when(Job("finance", "production", (), gates=(gate,))) == [words]


def test_gates_and_schedules_are_a_line_each() -> None:
    job = Job(
        "finance",
        "production",
        (),
        gates=(Gate("fivetran", (STRIPE,)), Gate("after", (CORE,))),
        schedules=(Schedule("0 6 * * 1-5", "Europe/Berlin"), Schedule(every=7_200.0)),
    )
    told = describe_when(job)
    assert told[:2] == ["fivetran stripe", "after load_core (success)"]
    assert told[2] == "at 06:00 on weekdays, Europe/Berlin"
    assert len(told) == 4


def test_a_job_that_nothing_starts() -> None:
    assert describe_when(Job("finance", "production", ())) == ["only when asked"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(90.0, "90 s"), (60.0, "1 min"), (5_400.0, "1 h 30 min"), (7_200.0, "2 h"), (86_400.0, "24 h")],
)
def test_lengths_of_time(seconds: float, words: str) -> None:
    assert span_words(seconds) == words
