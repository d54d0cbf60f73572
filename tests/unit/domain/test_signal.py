"""What a gate hears of what happened."""

import time
from fnmatch import fnmatchcase

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.events import ConnectorSynced, RunFinished, SignalReceived
from headgate.domain.gate import Awaited, Gate
from headgate.domain.signal import Happening, Signal, fits, heard, matches, of_run_end, of_signal, of_sync


@given(st.text("ab*?", max_size=8), st.text("abc/", max_size=12))
@settings(max_examples=400)
def test_a_pattern_is_what_the_standard_library_reads_in_it(pattern: str, text: str) -> None:
    assert fits(pattern, text) == fnmatchcase(text, pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "fitting"),
    [
        ("erp/*/_SUCCESS", "erp/2026/01/_SUCCESS", True),
        ("erp/*/_SUCCESS", "erp/2026/_SUCCESS.tmp", False),
        ("main", "Main", False),
        ("[a]", "a", False),
        ("[a]", "[a]", True),
        ("", "", True),
        ("*", "", True),
        ("?", "", False),
        ("päge?", "päge1", True),
    ],
)
def test_patterns(pattern: str, text: str, fitting: bool) -> None:
    assert fits(pattern, text) is fitting


def test_a_hostile_pattern_takes_no_time() -> None:
    began = time.process_time()
    assert not fits("*a" * 200 + "*b", "a" * 2_000)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("awaited", "heard_of"),
    [
        (Awaited("github", "org/shop"), True),
        (Awaited("gitlab", "org/shop"), False),
        (Awaited("github", "org/Shop"), False),
        (Awaited("github", "org/shop", {"event": ("push", "merge"), "branch": ("main", "rel-*")}), True),
        (Awaited("github", "org/shop", {"event": ("merge",)}), False),
        (Awaited("github", "org/shop", {"nothing": ("x",)}), False),
        (Awaited("github", "org/shop", {"event": ()}), False),
    ],
)
def test_of_each_attribute_that_is_asked_for_one_pattern_must_fit(awaited: Awaited, heard_of: bool) -> None:
    signal = Signal("github", ("org/shop",), {"event": "push", "branch": "rel-7"})
    assert matches(awaited, signal) is heard_of


def test_a_sync_is_known_by_id_and_by_name() -> None:
    event = ConnectorSynced(
        event_id="e",
        provider="airbyte",
        origin="o",
        connector_id="abc",
        connector_name="hubspot",
        sync_id="7",
    )
    happening = of_sync(event, 100.0)
    assert happening.cause.connectors == ("hubspot", "abc")
    assert (happening.cause.kind, happening.event_id, happening.at) == ("airbyte", "e", 100.0)
    gate = Gate("g", (Awaited("airbyte", "abc"), Awaited("airbyte", "hubspot"), Awaited("fivetran", "abc")))
    assert heard(gate, happening.signals) == gate.awaits[:2]


def test_a_message_from_elsewhere_says_what_it_is() -> None:
    event = SignalReceived(
        event_id="e",
        kind="webhook",
        origin="o",
        names=("erp", "erp/orders"),
        occurred_at="1970-01-01T00:00:50Z",
    )
    happening = of_signal(event, 100.0)
    assert (happening.cause.detail, happening.cause.connectors, happening.at) == (
        "webhook erp, erp/orders",
        (),
        50,
    )
    assert heard(Gate("g", (Awaited("webhook", "erp/orders"),)), happening.signals)


def ended(status: str, *models: str) -> Happening:
    event = RunFinished(run_id=812, job="core", environment="production", status=status)
    return of_run_end(event, models, "1970-01-01T00:00:50+00:00", 100.0)


def test_the_end_of_a_run_is_of_its_job_and_of_the_models_it_built() -> None:
    happening = ended("success", "model.core.dim_customers", "model.core.orders.v2")
    assert happening.cause.detail == "job core ended as success (run 812)"
    assert happening.event_id == "run/812"
    for awaited in (
        Awaited("job", "core", {"status": ("success",)}),
        Awaited("model", "core/dim_customers"),
        Awaited("model", "core/model.core.dim_customers"),
        Awaited("model", "core/orders"),
        Awaited("model", "core/orders.v2"),
    ):
        assert heard(Gate("after", (awaited,)), happening.signals), awaited
    for other in (
        Awaited("job", "core", {"status": ("error", "cancelled")}),
        Awaited("job", "core2", {"status": ("success",)}),
        Awaited("model", "core/dim_orders"),
        Awaited("model", "other/dim_customers"),
    ):
        assert not heard(Gate("after", (other,)), happening.signals), other


def test_a_model_of_a_run_that_failed_elsewhere_counts() -> None:
    assert heard(Gate("a", (Awaited("model", "core/a"),)), ended("error", "model.core.a").signals)
