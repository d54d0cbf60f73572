"""Which reader an address has."""

from typing import Protocol

from headgate.adapters.webhooks.airbyte import AirbyteWebhook
from headgate.adapters.webhooks.dbt_cloud import DbtCloudWebhook
from headgate.adapters.webhooks.fivetran import FivetranWebhook
from headgate.adapters.webhooks.generic import GenericWebhook
from headgate.adapters.webhooks.github import GitHubWebhook
from headgate.adapters.webhooks.gitlab import GitLabWebhook
from headgate.domain.receiver import Receiver
from headgate.errors import NotFoundError
from headgate.ports import WebhookReader

GENERIC = "webhook"
_READERS: dict[str, WebhookReader] = {
    reader.provider: reader
    for reader in (FivetranWebhook(), AirbyteWebhook(), GitHubWebhook(), GitLabWebhook(), DbtCloudWebhook())
}
PROVIDERS = (*_READERS, GENERIC)


class Receivers(Protocol):
    """Where the receivers of headgate.yml are (JobStore)."""

    def receiver(self, name: str) -> Receiver:
        """Raises NotFoundError."""
        ...


class Readers:
    """Every sender's reader."""

    def __init__(self, receivers: Receivers) -> None:
        self._receivers = receivers

    def of(self, provider: str, origin: str) -> WebhookReader:
        """Raises NotFoundError."""
        if provider == GENERIC:
            return GenericWebhook(self._receivers.receiver(origin))
        if provider not in _READERS:
            raise NotFoundError(f"no sender is called {provider}")
        return _READERS[provider]
