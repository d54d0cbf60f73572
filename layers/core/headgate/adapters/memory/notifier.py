"""A channel in memory: remembers what was sent where."""

from headgate.domain.alerts import Alert


class MemoryNotifier:
    """Notifier without a service. `sent`: (address, alert) in order."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Alert]] = []

    def send(self, alert: Alert, address: str) -> None:
        self.sent.append((address, alert))
