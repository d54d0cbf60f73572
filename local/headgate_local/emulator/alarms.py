"""An alarm over a sum of metrics can be deployed; ministack's CloudFormation refuses metric math.

Locally such an alarm watches the first of its metrics: it is there, and it is not what it is on AWS.
"""

from typing import Any

from ministack.services.cloudformation import provisioners

from headgate_local.emulator.anchors import anchor


def install() -> None:
    record = anchor(provisioners, "_cw_metric_alarm_record", "name", "props")

    def record_of_first_metric(name: str, properties: dict[str, Any]) -> Any:
        return record(name, with_first_metric(properties))

    provisioners._cw_metric_alarm_record = record_of_first_metric


def with_first_metric(properties: dict[str, Any]) -> dict[str, Any]:
    """The alarm's properties with its first plain metric in place of an expression."""
    metrics = [entry["MetricStat"] for entry in properties.get("Metrics") or [] if "MetricStat" in entry]
    if not metrics:
        return properties
    rest = {key: value for key, value in properties.items() if key != "Metrics"}
    first = metrics[0]
    return {**rest, **first["Metric"], "Statistic": first["Stat"], "Period": first["Period"]}
