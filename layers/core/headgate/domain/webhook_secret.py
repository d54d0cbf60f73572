"""What a webhook's secret holds: the secret, for a while the one before it, and since when.

`{"secret", "since", "previous", "previous_until", …}`: times are ISO 8601; other keys are a sender's own.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from headgate.domain.instant import iso

PREFIX = "webhooks/"


def secret_name(provider: str, origin: str) -> str:
    """Where it lies, below the stack's prefix."""
    return f"{PREFIX}{provider}/{origin}"


def valid_secrets(values: Mapping[str, str], now: float) -> tuple[str, ...]:
    """What a sender may sign with at this moment. An empty secret is none: anybody could sign with it."""
    previous = values.get("previous", "") if now < _epoch(values.get("previous_until", "")) else ""
    return tuple(secret for secret in (values.get("secret", ""), previous) if secret)


def first_secret(secret: str, now: float) -> dict[str, str]:
    """The values of a source that is new."""
    return {"secret": secret, "since": iso(now)}


def rotated(values: Mapping[str, str], secret: str, now: float, overlap: float) -> dict[str, str]:
    """The values with a new secret. The old one is valid for `overlap` seconds more, its own predecessor no longer."""
    kept = {key: value for key, value in values.items() if not key.startswith("previous")}
    if overlap > 0 and values.get("secret"):
        kept |= {"previous": values["secret"], "previous_until": iso(now + overlap)}
    return kept | first_secret(secret, now)


def _epoch(text: str) -> float:
    """0 for what is no time: what nobody can read does not make a secret valid."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0.0
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
