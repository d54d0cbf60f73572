"""The bus in memory: remembers what was published."""

from headgate.domain.events import Event


class MemoryEventBus:
    """EventBus without a service. `published`: every event so far, in order."""

    def __init__(self) -> None:
        self.published: list[Event] = []

    def publish(self, *events: Event) -> None:
        self.published.extend(events)
