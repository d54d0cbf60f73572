"""What a node's meta asks of Headgate, and lengths of time."""

from __future__ import annotations

from typing import Any

import pytest

from headgate.domain.fargate import memory_steps
from headgate.domain.time_span import seconds_of
from headgate.domain.wishes import Wishes
from headgate.errors import InputError


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("1h30m", 5400), ("2h", 7200), ("1m5s", 65), (45, 45), ("168h", 604800)],
)
def test_a_length_of_time(text: object, seconds: float) -> None:
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "20", "m", "20 m", "1.5h", "m20", "5m1h", "-5m", "20min", "0s", 0, -1, True, None, 1.5, "169h", []],
)
def test_what_is_no_length_of_time(text: object) -> None:
    with pytest.raises(InputError, match="must be"):
        seconds_of(text)


@pytest.mark.parametrize(
    ("said", "wishes"),
    [
        (None, Wishes()),
        ({}, Wishes()),
        ({"timeout": "20m"}, Wishes(timeout=1200.0)),
        ({"timeout": 30, "pool": "wh_large"}, Wishes(30.0, ("wh_large",))),
        ({"pool": ["b", "a", "b"]}, Wishes(pools=("b", "a"))),
    ],
)
def test_wishes(said: Any, wishes: Wishes) -> None:
    assert Wishes.of(said) == wishes


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("20m", " must be a mapping of timeout, pool, "),
        ({"timout": "20m"}, r"\.timout is not known; did you mean timeout\?"),
        ({"zzz": 1}, r"\.zzz is not known; known: timeout, pool, connector"),
        ({"conector": "x"}, r"\.conector is not known; did you mean connector\?"),
        ({"connector": {"id": 1}}, r"\.connector must be a connector's name or id or a list of them"),
        ({"connectors": ["a", ""]}, r"\.connectors must be"),
        ({"volatile": True}, r"\.volatile must be ignore or build"),
        ({"silent_after": "soon"}, r"\.silent_after "),
        ({"timeout": "soon"}, r"\.timeout must be a length of time as in 90s"),
        ({"pool": 3}, r"\.pool must be a pool's name or a list of them, not 3"),
        ({"pool": [""]}, r"\.pool must be"),
    ],
)
def test_wishes_that_cannot_be_read(said: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        Wishes.of(said)


@pytest.mark.parametrize(
    ("cpu", "memory", "steps"),
    [
        (1024, 2048, [2048, 4096, 8192]),
        (1024, 3072, [3072, 6144, 8192]),
        (256, 2048, [2048]),
        (8192, 16384, [16384, 32768, 61440]),
        (999, 2048, [2048]),
    ],
)
def test_more_memory_each_time(cpu: int, memory: int, steps: list[int]) -> None:
    assert memory_steps(cpu, memory) == steps
