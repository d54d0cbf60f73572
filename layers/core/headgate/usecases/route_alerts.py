"""One alert meets the rules: each matching rule's channels get it, once."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from headgate.domain.alerts import Alert, matching
from headgate.domain.job import AlertRule


@dataclass(frozen=True, slots=True)
class Delivery:
    """One alert on its way to one address."""

    alert: Alert
    channel: str
    address: str

    @property
    def key(self) -> str:
        return f"{self.alert.alert_id}/{self.channel}/{self.address}"


def route_alerts(
    alert: Alert, *, rules: Iterable[AlertRule], deliver: Callable[[Delivery], None]
) -> list[Delivery]:
    """Deliver to every address of every matching rule, each address once. Raises what `deliver` raises, at the end."""
    deliveries = {
        delivery.key: delivery
        for rule in matching(rules, alert)
        for delivery in (Delivery(alert, channel, address) for channel, address in rule.send)
    }
    failure: Exception | None = None
    for delivery in deliveries.values():
        try:
            deliver(delivery)
        except Exception as fault:  # noqa: BLE001 - one dead channel must not silence the others
            failure = fault
    if failure is not None:
        raise failure
    return list(deliveries.values())
