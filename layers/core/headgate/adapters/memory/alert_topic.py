"""The alert topic in memory: remembers what was published."""

from headgate.domain.alerts import Alert


class MemoryAlertTopic:
    """AlertTopic without a service. `published`: every alert so far, in order."""

    def __init__(self) -> None:
        self.published: list[Alert] = []

    def publish(self, alert: Alert) -> None:
        self.published.append(alert)
