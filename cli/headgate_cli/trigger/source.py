"""A sender, as it is written on the command line, and where it sends to."""

import base64
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.bootstrap import World
    from headgate.domain.receiver import Receiver

S3 = "s3"
DEFAULT = "default"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
# 256 bits: nobody guesses them.
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Source:
    """kind: of the address (`fivetran`, `webhook` for the receivers of headgate.yml, …); name: its last part."""

    kind: str
    name: str = DEFAULT
    receiver: "Receiver | None" = None

    @property
    def label(self) -> str:
        """As a person writes it."""
        if self.receiver is not None:
            return self.name
        return self.kind if self.name == DEFAULT else f"{self.kind}/{self.name}"

    @property
    def secret_name(self) -> str:
        from headgate.domain.webhook_secret import secret_name

        return secret_name(self.kind, self.name)

    @property
    def is_by_address(self) -> bool:
        """Whether the secret is the last part of the address."""
        return self.kind == "airbyte" or (self.receiver is not None and self.receiver.auth == "path")

    def address(self, url: str, secret: str) -> str:
        """Where it sends to. url: the stack's. The secret is in it where the sender proves itself by the address."""
        ending = f"/{secret}" if self.is_by_address else ""
        return f"{url.rstrip('/')}/webhooks/{self.kind}/{self.name}{ending}"

    def new_secret(self) -> str:
        """One that nobody has."""
        if self.receiver is not None and self.receiver.auth == "standard":
            return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        return secrets.token_urlsafe(_SECRET_BYTES)


def source_of(text: str, world: "World", name: str = "") -> Source:
    """`fivetran`, `fivetran/emea`, `hightouch` (a receiver of headgate.yml) or `webhook/hightouch`.

    Raises InputError for what is none of them, NotFoundError for a receiver that is not applied.
    """
    from headgate.adapters.webhooks.readers import GENERIC, PROVIDERS
    from headgate.errors import InputError, NotFoundError

    kind, _, rest = text.partition("/")
    name = name or rest
    if kind == S3:
        return Source(S3, name or DEFAULT)
    if kind not in PROVIDERS:
        kind, name = GENERIC, kind
    if name and not _NAME.fullmatch(name):
        raise InputError(f"a source's name has letters, digits, dots, dashes and underscores, not {name!r}")
    if kind != GENERIC:
        return Source(kind, name or DEFAULT)
    try:
        return Source(GENERIC, name, world.jobs.receiver(name))
    except NotFoundError as fault:
        senders = ", ".join(provider for provider in PROVIDERS if provider != GENERIC)
        raise NotFoundError(
            f"{name!r} is neither a sender ({senders}, s3) nor a receiver that was applied: "
            "add it to `receivers:` in headgate.yml, then `headgate jobs apply`"
        ) from fault


def secret_of(source: Source, world: "World") -> Mapping[str, str]:
    """Its secret's values as they are now. Raises NotFoundError that says how to make it."""
    from headgate.errors import NotFoundError

    try:
        return world.secrets.get(source.secret_name, fresh=True)
    except NotFoundError as fault:
        raise NotFoundError(f"{fault}: `headgate trigger add {source.label}` makes it") from fault
