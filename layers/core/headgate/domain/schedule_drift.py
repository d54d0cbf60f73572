"""How the schedules that are there differ from those that should be, in words."""

from collections.abc import Iterator, Mapping
from typing import Any

Properties = Mapping[str, Any]


def drift_of(wanted: Mapping[str, Properties], found: Mapping[str, Properties]) -> list[str]:
    """One line per difference, by the schedules' names; properties that are not wanted are nobody's business."""
    lines: list[str] = []
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            lines.append(f"schedule {name} is missing")
        elif name not in wanted:
            lines.append(f"schedule {name} is left over")
        else:
            lines.extend(
                f"schedule {name} was changed: {said}" for said in _changed(wanted[name], found[name])
            )
    return lines


def _changed(wanted: Properties, found: Properties) -> Iterator[str]:
    for key, value in wanted.items():
        if found.get(key) != value:
            short = isinstance(value, str) and len(value) <= 80
            yield f"{key} is {found.get(key)!r}, not {value!r}" if short else f"{key} is another"
