"""The keys of jobs files as tables in Markdown, for docs/jobs-file.md: made from the models, so none is missing."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from headgate.adapters.jobs_file.entry import Entry
from headgate.adapters.jobs_file.faults import inside, plain
from headgate.adapters.jobs_file.gates import GATE_KEYS, GateEntry
from headgate.adapters.jobs_file.whole import FileEntry


def reference() -> str:
    """A heading and a table for each mapping that a file may hold, in the order of its keys."""
    return "\n".join(_section(place, entry) for place, entry in mappings())


def mappings() -> Iterator[tuple[str, type[Entry]]]:
    """Each mapping that a file may hold, by its place: `jobs.<name>.when.fivetran`."""
    yield from _mappings("", FileEntry)


def _mappings(place: str, entry: type[Entry]) -> Iterator[tuple[str, type[Entry]]]:
    yield place, entry
    for key, field in entry.known_keys().items():
        form, inner = field.annotation, f"{place}.{key}" if place else key
        kind = plain(form)
        if get_origin(kind) is dict:
            kind, inner = plain(get_args(kind)[-1]), f"{inner}.<name>"
        elif get_origin(kind) is list:
            kind, inner = inside(kind, 0), f"{inner}[]"
        if isinstance(kind, type) and issubclass(kind, Entry):
            yield from _mappings(inner, kind)


def _section(place: str, entry: type[Entry]) -> str:
    level = "###" if place.count(".") < 2 else "####"
    shared = GATE_KEYS if issubclass(entry, GateEntry) and entry is not GateEntry else ()
    rows = [_row(key, field) for key, field in entry.known_keys().items() if key not in shared]
    lines = [f"{level} {f'`{place}`' if place else 'The file'}", "", "| key | meaning | default | example |"]
    lines += ["|---|---|---|---|", *rows, ""]
    if shared:
        lines += ["And the keys of [`gate`](#jobsnamewhengate), for this kind alone.", ""]
    return "\n".join(lines)


def _row(key: str, field: FieldInfo) -> str:
    cells = (f"`{key}`", str(field.description), _default(field), f"`{(field.examples or [''])[0]}`")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    extra = field.json_schema_extra
    shown: Any = extra.get("default", field.default) if isinstance(extra, dict) else field.default
    if shown is None or shown in ({}, [], "") or isinstance(shown, Entry):
        return ""
    if isinstance(shown, list):
        return f"`[{', '.join(map(str, shown))}]`"
    return f"`{str(shown).lower() if isinstance(shown, bool) else shown}`"
