"""A generic receiver: how messages of a sender that Headgate does not know are verified and read."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Receiver:
    """One entry of `receivers:`; its secret lies at `webhooks/webhook/<name>`.

    auth: `path` (the secret is the last part of the address), `header` (a fixed header holds it), `hmac`, or
    `standard` (Standard Webhooks). header: of the secret or the signature. algorithm: sha256, sha1 or sha512.
    encoding: hex or base64. prefix: before the signature, as in `sha256=`. timestamp_header: of the signed time (epoch
    seconds), with `tolerance` in seconds. signed: what is signed, as in `{timestamp}.{body}`.

    id, subject, status: JSONPath into the body. id: makes a delivery unique; empty: the digest of the body does.
    subject: what jobs wait for, as `<name>/<subject>`. success: values of `status` that start something; empty: all.
    """

    name: str
    auth: str = "path"
    header: str = ""
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    timestamp_header: str = ""
    tolerance: float = 300.0
    signed: str = "{body}"
    id: str = ""
    subject: str = ""
    status: str = ""
    success: tuple[str, ...] = ()
