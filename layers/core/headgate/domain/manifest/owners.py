"""Whom a node belongs to."""

from collections.abc import Iterator, Mapping
from typing import Any

from headgate.domain.entry import Entry


class Owners:
    """Its own `meta.owner`, its group's owner, an exposure's owner; of a test: its model's."""

    def __init__(self, entries: Mapping[str, Entry], groups: Mapping[str, str]) -> None:
        self._entries, self._groups = entries, groups

    def of(self, entry: Entry) -> str:
        """One line of text; empty: nobody's."""
        return self._own(entry) or next(filter(None, map(self._own, self._tested_by(entry))), "")

    def _own(self, entry: Entry) -> str:
        for meta in (entry.config.get("meta"), entry.meta, entry.source_meta):
            owner = person(meta.get("owner")) if isinstance(meta, dict) and meta else ""
            if owner:
                return owner
        return self._groups.get(entry.config.get("group") or entry.group or "", "") or person(entry.owner)

    def _tested_by(self, entry: Entry) -> Iterator[Entry]:
        if entry.resource_type not in ("test", "unit_test"):
            return
        for unique_id in (entry.attached_node or "", *entry.parents):
            if unique_id in self._entries:
                yield self._entries[unique_id]


def person(owner: Any) -> str:
    """One line for a person or a team: dbt's {name, email}, a text, or a list of either. An address wins."""
    if isinstance(owner, dict):
        return person(owner.get("email")) or person(owner.get("name"))
    if isinstance(owner, list | tuple):
        return ", ".join(filter(None, map(person, owner)))
    return str(owner).strip() if owner else ""
