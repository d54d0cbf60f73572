"""Instants as they are stored and shown: ISO 8601 in UTC, so that their order as text is their order in time."""

from datetime import UTC, datetime


def epoch(instant: str) -> float:
    """`2026-01-31T06:00:00.000+00:00` -> seconds since the epoch."""
    return datetime.fromisoformat(instant).timestamp()


def iso(at: float) -> str:
    """Seconds since the epoch -> `2026-01-31T06:00:00.000+00:00`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
