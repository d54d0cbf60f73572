"""Stored instants (ISO 8601, UTC) as people read them."""

from datetime import UTC, datetime


def parsed(instant: str | None) -> datetime | None:
    """None for nothing and for what is no instant."""
    try:
        moment = datetime.fromisoformat(instant or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def local_time(instant: object) -> str:
    """`2026-01-31 06:00:00` in this machine's zone."""
    moment = parsed(str(instant or ""))
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}" if moment else ""


def clock_time(instant: object) -> str:
    """`06:00:00` in this machine's zone."""
    return local_time(instant)[11:]


def seconds_between(start: str | None, end: str | None, now: float) -> float | None:
    """From start to end, or to now while it has no end."""
    begun, ended = parsed(start), parsed(end)
    if begun is None:
        return None
    return max(0.0, (ended.timestamp() if ended else now) - begun.timestamp())
