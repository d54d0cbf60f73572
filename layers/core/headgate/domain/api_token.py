"""The stack's API token in an Authorization header: as a bearer token, or as Basic's password (RFC 7617).

Basic is there for browsers, which ask a person for it; the user name is not looked at.
"""

import base64
import binascii
import hmac


def opens(authorization: str, token: str) -> bool:
    """Whether this header carries `token`, compared in constant time. An empty token opens nothing."""
    given = _given(authorization)
    return hmac.compare_digest(given, token.encode()) if given and token else False


def bears(authorization: str, token: str) -> bool:
    """Whether this header carries `token` as a bearer token, as `opens` does, and in no other way.

    For what changes something: Basic is what a browser sends along by itself, whoever made it send the request.
    """
    return authorization.strip().partition(" ")[0].lower() == "bearer" and opens(authorization, token)


def _given(authorization: str) -> bytes:
    scheme, _, credentials = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return credentials.strip().encode("utf-8", "replace")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(credentials.strip(), validate=True)
        except (binascii.Error, ValueError):
            return b""
        return decoded.partition(b":")[2]
    return b""
