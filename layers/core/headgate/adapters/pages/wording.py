"""How records are put before a reader: a glyph and a tone for each status, durations and instants in words.

A status is told three times over, by its word, its glyph and its colour, so that none of them is needed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from unicodedata import category

from headgate.domain.results import NodeStatus
from headgate.domain.run import RunStatus
from headgate.domain.run_view import NEVER_FINISHED

DASH = "\N{EN DASH}"
_GLYPHS = {"good": "✓", "bad": "✕", "warn": "!", "busy": "●", "quiet": "○"}
_TONES: dict[str, str] = {
    NodeStatus.SUCCESS: "good",
    NodeStatus.PASS: "good",
    NodeStatus.ERROR: "bad",
    NodeStatus.FAIL: "bad",
    NodeStatus.RUNTIME_ERROR: "bad",
    NodeStatus.PARTIAL_SUCCESS: "bad",
    NEVER_FINISHED: "bad",
    NodeStatus.WARN: "warn",
    RunStatus.STARTING: "busy",
    RunStatus.RUNNING: "busy",
}
_SPECIAL_GLYPHS: dict[str, str] = {
    NodeStatus.SKIPPED: "↷",
    NodeStatus.REUSED: "↺",
    NodeStatus.NO_OP: DASH,
    RunStatus.CANCELLED: "■",
}
_MINUTE, _HOUR = 60, 3600


def tone(status: str) -> str:
    """The stylesheet's class for a status of a run or a node."""
    return _TONES.get(status, "quiet")


def glyph(status: str) -> str:
    return _SPECIAL_GLYPHS.get(status) or _GLYPHS[tone(status)]


def duration(seconds: float | None) -> str:
    """`0.42 s`, `12.3 s`, `4 min 5 s`, `2 h 10 min`; a dash for what never ran."""
    if seconds is None:
        return DASH
    if seconds < _MINUTE:
        return f"{seconds:.2f} s" if seconds < 10 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"


def instant(stored: str | float) -> str:
    """A stored instant, or seconds since the epoch, to the second and in UTC."""
    moment = (
        datetime.fromtimestamp(stored, UTC) if isinstance(stored, float) else datetime.fromisoformat(stored)
    )
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def shown(text: str, most: int = 300) -> str:
    """At most so many characters, and no invisible ones: those can turn the text around or hide a part of it."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return "".join("\N{REPLACEMENT CHARACTER}" if _hides(character) else character for character in cut)


def _hides(character: str) -> bool:
    return category(character) in ("Cc", "Cf", "Cs") and character not in "\n\t"


FILTERS: dict[str, Callable[..., str]] = {
    "tone": tone,
    "glyph": glyph,
    "duration": duration,
    "instant": instant,
    "shown": shown,
}
