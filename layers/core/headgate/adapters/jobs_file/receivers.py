"""`receivers:`: senders that Headgate has no words of its own for, how they prove themselves and what they say."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from headgate.adapters.jobs_file.entry import Entry, KeyFaultError, Schema, Written, written_as
from headgate.adapters.jobs_file.values import HeaderName, JsonPath, Span, Text, different
from headgate.domain.receiver import Receiver

_HOW = "must be path, standard, {header: <name>} or {hmac: {header: <name>, …}}"


def _check_signed(template: str) -> str:
    if "{body}" not in template:
        raise ValueError('must contain {body}, as in "{timestamp}.{body}"')
    for name in re.findall(r"\{([^{}]*)\}", template):
        if name not in ("body", "timestamp"):
            raise ValueError(f"cannot contain {{{name}}}: it knows {{timestamp}} and {{body}}")
    return template


class HmacEntry(Entry):
    """`auth: {hmac: …}`."""

    header: HeaderName = Field(description="The header that holds the signature.", examples=["X-Signature"])
    algorithm: Literal["sha256", "sha1", "sha512"] = Field(
        "sha256", description="The digest of the HMAC.", examples=["sha512"]
    )
    encoding: Literal["hex", "base64"] = Field(
        "hex", description="How the signature is written.", examples=["base64"]
    )
    prefix: str = Field(
        "", max_length=100, description="What stands before the signature.", examples=['"sha256="']
    )
    timestamp_header: HeaderName | None = Field(
        None,
        description="The header that holds when it was signed (epoch seconds); what is older than `tolerance` is "
        "refused.",
        examples=["X-Timestamp"],
    )
    tolerance: Span = Field(
        300.0,
        description="How far that time may be from ours.",
        examples=["2m"],
        json_schema_extra={"default": "5m"},
    )
    signed: Annotated[str, AfterValidator(_check_signed)] = Field(
        "{body}",
        max_length=200,
        description="What is signed: a text with `{body}`, and `{timestamp}` if there is one.",
        examples=['"{timestamp}.{body}"'],
        json_schema_extra={"pattern": r"\{body\}"},
    )

    @model_validator(mode="after")
    def _signs_its_time(self) -> "HmacEntry":
        in_template = "{timestamp}" in self.signed
        if in_template and self.timestamp_header is None:
            raise KeyFaultError("has {timestamp}: timestamp_header must say where it stands", "signed")
        if self.timestamp_header is not None and not in_template:
            message = 'is not signed, so anybody could change it: write signed: "{timestamp}.{body}", or leave it out'
            raise KeyFaultError(message, "timestamp_header")
        if self.timestamp_header is None and self.says("tolerance"):
            raise KeyFaultError("goes with timestamp_header: leave it out", "tolerance")
        return self


class AuthEntry(Entry):
    """`auth:` of a receiver, where a word does not say it."""

    header: HeaderName | None = Field(
        None, description="A header that holds the secret itself.", examples=["X-Api-Key"]
    )
    hmac: HmacEntry | None = Field(
        None, description="A signature of the body.", examples=["{header: X-Signature}"]
    )

    @model_validator(mode="after")
    def _is_one_way(self) -> "AuthEntry":
        if not isinstance(self, AuthWord) and (self.header is None) == (self.hmac is None):
            raise ValueError(_HOW)
        return self


class AuthWord(AuthEntry):
    """`auth: path` and `auth: standard`."""

    word: str


def _auth(value: object) -> object:
    if isinstance(value, str) and value in ("path", "standard"):
        return AuthWord.model_construct(word=value)
    if not isinstance(value, dict):
        raise ValueError(f"{_HOW}, not {value!r}")  # noqa: TRY004 - pydantic's own protocol
    return value


def _auth_schema(found: Schema) -> Schema:
    return {"anyOf": [{"enum": ["path", "standard"]}, found]}


def _as_json(value: object) -> object:
    # A body may say it in numbers or with true and false; it is compared as JSON writes it.
    return json.dumps(value) if isinstance(value, int) else value


StatusValue = Annotated[
    Text,
    BeforeValidator(_as_json),
    written_as(anyOf=[{"type": "string", "minLength": 1}, {"type": "integer"}, {"type": "boolean"}]),
]


class ReceiverEntry(Entry):
    """One entry of `receivers:`."""

    auth: Annotated[AuthEntry, BeforeValidator(_auth), Written(_auth_schema)] = Field(
        AuthWord.model_construct(word="path"),
        description="How a message proves where it is from: `path` (the secret is the last part of the address), "
        "`standard` (Standard Webhooks), `{header: <name>}` (it holds the secret) or `{hmac: …}` (a signature).",
        examples=["{header: X-Api-Key}"],
        json_schema_extra={"default": "path"},
    )
    id: JsonPath | None = Field(
        None,
        description="JSONPath of what makes a message unique; without it the whole body does, or the id that Standard "
        "Webhooks has. The same twice counts once.",
        examples=["$.sync.id"],
    )
    subject: JsonPath | None = Field(
        None,
        description="JSONPath of what the message is about: jobs wait for `<receiver>/<subject>`.",
        examples=["$.sync.model"],
    )
    status: JsonPath | None = Field(None, description="JSONPath of how it went.", examples=["$.sync.status"])
    success: Annotated[list[StatusValue], Field(min_length=1), AfterValidator(different)] | None = Field(
        None,
        description="The values of `status` that start something; without them all do.",
        examples=["[success]"],
    )

    @model_validator(mode="after")
    def _knows_its_status(self) -> "ReceiverEntry":
        if self.success and self.status is None:
            raise KeyFaultError(
                "lists values of status: say with status where that stands in the body", "success"
            )
        return self


def receiver(name: str, entry: ReceiverEntry) -> Receiver:
    told: dict[str, Any] = {key: getattr(entry, key) or "" for key in ("id", "subject", "status")}
    success, auth = tuple(entry.success or ()), entry.auth
    if isinstance(auth, AuthWord):
        return Receiver(name, auth=auth.word, success=success, **told)
    if auth.hmac is None:
        return Receiver(name, auth="header", header=auth.header or "", success=success, **told)
    signed = auth.hmac.model_dump() | {"timestamp_header": auth.hmac.timestamp_header or ""}
    return Receiver(name, auth="hmac", success=success, **signed, **told)
