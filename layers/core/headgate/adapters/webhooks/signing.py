"""Digests over raw bytes, and their only comparison: one whose time says nothing of where two texts differ."""

import hmac


def hmac_hex(secret: str, body: bytes, algorithm: str = "sha256") -> str:
    """The hex HMAC of a body."""
    return hmac_digest(secret.encode(), body, algorithm).hex()


def hmac_digest(key: bytes, body: bytes, algorithm: str = "sha256") -> bytes:
    """The HMAC of a body. algorithm: sha256, sha512 or sha1."""
    return hmac.digest(key, body, algorithm)


def is_same(given: str, expected: str) -> bool:
    """Whether a stranger gave what was expected; both may be any text."""
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
