"""From the bytes of a manifest.json of any supported version to the index of its project."""

import gc
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec

from headgate.domain.code_reading import Callables
from headgate.domain.entry import Entry, Head, Manifest, Metadata
from headgate.domain.index import Index
from headgate.domain.manifest.checks import check_dependencies
from headgate.domain.manifest.macros import macros_of
from headgate.domain.manifest.nodes import node_of
from headgate.domain.manifest.owners import Owners, person
from headgate.errors import ManifestError

# dbt 1.6 writes v10, 1.7 writes v11, 1.8 to 1.12 write v12.
SUPPORTED_SCHEMAS = (10, 11, 12)


def read_manifest(body: bytes, found_at: str = "manifest.json") -> Index:
    """The index of a manifest.json of schema v10 to v12.

    Raises ManifestError, naming `found_at`: an unknown schema version, a wrong shape, an id that occurs
    twice, a dependency on something that does not exist, a cycle.
    """
    with _nothing_to_collect():
        index = _index(_manifest(body, found_at), found_at)
        check_dependencies(index, found_at)
    return index


def _manifest(body: bytes, found_at: str) -> Manifest:
    try:
        # The version first: what another version looks like inside is of no interest.
        _check_version(msgspec.json.decode(body, type=Head).metadata, found_at)
        return msgspec.json.decode(body, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as fault:
        raise ManifestError(f"{found_at} is not a dbt manifest: {fault}") from fault


def _index(manifest: Manifest, found_at: str) -> Index:
    groups = {group.name: person(group.owner) for group in manifest.groups.values()}
    entries = _by_id(manifest.entries(), found_at)
    owners = Owners(entries, groups)
    about = manifest.metadata
    callables = Callables.of(manifest.macros.values(), about.adapter_type or "", about.project_name or "")
    nodes = {
        unique_id: node_of(entry, owners.of(entry), callables, found_at)
        for unique_id, entry in entries.items()
    }
    return Index(
        dbt_version=manifest.metadata.dbt_version,
        schema_version=manifest.metadata.dbt_schema_version,
        project_name=manifest.metadata.project_name or "",
        adapter_type=manifest.metadata.adapter_type or "",
        nodes=nodes,
        groups=groups,
        default_selector=_default_selector(manifest.selectors),
        macros=macros_of(manifest.macros, callables),
        selectors=manifest.selectors,
    )


def _check_version(metadata: Metadata, found_at: str) -> None:
    version = re.search(r"/manifest/v(\d+)\.json$", metadata.dbt_schema_version)
    if version and int(version[1]) in SUPPORTED_SCHEMAS:
        return
    written = f"v{version[1]}" if version else repr(metadata.dbt_schema_version)
    raise ManifestError(
        f"{found_at} has manifest schema {written} (dbt {metadata.dbt_version or 'unknown'}); "
        f"supported: {', '.join(f'v{number}' for number in SUPPORTED_SCHEMAS)}"
    )


def _by_id(entries: Iterable[tuple[str, Entry]], found_at: str) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    twice = []
    for key, entry in entries:
        if entry.unique_id in found:
            twice.append(entry.unique_id)
        if key != entry.unique_id:
            raise ManifestError(f"{found_at}: the entry {key!r} says that it is {entry.unique_id!r}")
        found[key] = entry
    if twice:
        raise ManifestError(f"{found_at}: more than one node is called {', '.join(sorted(twice))}")
    return found


def _default_selector(selectors: Mapping[str, Any]) -> str | None:
    for name, value in selectors.items():
        if isinstance(value, Mapping) and value.get("default") is True:
            return name
    return None


@contextmanager
def _nothing_to_collect() -> Iterator[None]:
    """While some hundred thousand objects are made and all kept, looking for garbage is a third of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
