"""Senders of webhooks."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from headgate.domain.inbound import Delivery, InboundEvent


class WebhookReader(Protocol):
    """One sender's wire format."""

    @property
    def provider(self) -> str: ...

    def is_authentic(self, delivery: Delivery, secret: str, now: float) -> bool:
        """Whether only somebody with this secret can have sent it, and lately where a time is signed."""
        ...

    def read(self, delivery: Delivery, now: float) -> InboundEvent:
        """What an authentic message means. Raises WebhookError 400."""
        ...


@runtime_checkable
class Confirming(Protocol):
    """A sender whose messages prove little and who can be asked."""

    def confirm(self, event: InboundEvent, values: Mapping[str, str]) -> None:
        """values: of the source's secret. Raises WebhookError when it is not true, or cannot be known now."""
        ...


class WebhookReaders(Protocol):
    """The readers by address."""

    def of(self, provider: str, origin: str) -> WebhookReader:
        """Raises NotFoundError."""
        ...
