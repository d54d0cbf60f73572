"""selectors.yml as people write it: read, checked whole, every problem with its line.

Headgate itself reads selectors from the manifest, where dbt has put them; this is for a manifest that is at hand
without its project, and for trying a selector out before it is published.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from headgate.adapters.jobs_file.document import Document, Place, dotted, read_document
from headgate.domain.selection.definitions import read_definition
from headgate.domain.selection.spec import criteria
from headgate.errors import DefinitionError, JobsFileError, Problem, SelectorsFileError

_KEYS = ("name", "definition", "description", "default")


@dataclass(frozen=True, slots=True)
class SelectorsFile:
    """selectors: name -> entry, as a manifest's `selectors`. default: the one with `default: true`, or None."""

    selectors: Mapping[str, Mapping[str, Any]]
    default: str | None = None


def read_selectors_file(path: Path) -> SelectorsFile:
    """Raises NotFoundError without the file, SelectorsFileError with everything that is wrong in it."""
    try:
        document = read_document(path, "selectors file", "--selectors-file")
    except JobsFileError as fault:
        raise SelectorsFileError(fault.problems) from fault
    problems = list(_problems(document))
    if problems:
        raise SelectorsFileError(problems)
    selectors = {str(entry["name"]): entry for entry in document.values["selectors"]}
    default = next((name for name, entry in selectors.items() if entry.get("default") is True), None)
    return SelectorsFile(selectors, default)


def _problems(document: Document) -> Iterator[Problem]:
    for twice, line in document.repeated:
        yield Problem(document.file, line, dotted(twice), "is written twice")
    values = document.values
    if not isinstance(values, Mapping) or not isinstance(values.get("selectors"), list):
        yield document.problem((), "must have a list under `selectors`")
        return
    names: list[str] = []
    default = ""
    for number, entry in enumerate(values["selectors"]):
        place: Place = ("selectors", number)
        found = list(_entry_problems(document, entry, place, names))
        yield from found
        if not found:
            names.append(entry["name"])
        if isinstance(entry, Mapping) and entry.get("default") is True:
            if default:
                yield document.problem((*place, "default"), f"{default!r} is the default already")
            default = default or str(entry.get("name"))


def _entry_problems(document: Document, entry: Any, place: Place, names: list[str]) -> Iterator[Problem]:
    if not isinstance(entry, Mapping):
        yield document.problem(place, "must be a mapping with a name and a definition")
        return
    for key in entry:
        if key not in _KEYS:
            near = get_close_matches(str(key), _KEYS, n=1, cutoff=0.5)
            told = f" Did you mean {near[0]}?" if near else f" Known here: {', '.join(_KEYS)}"
            yield document.problem((*place, key), f"unknown key.{told}")
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        yield document.problem((*place, "name"), "is missing" if name is None else "must be a text")
    elif name in names:
        yield document.problem((*place, "name"), f"there is another selector {name!r} above")
    if not isinstance(entry.get("default", False), bool):
        yield document.problem((*place, "default"), "must be true or false; Jinja is for dbt alone to render")
    if "definition" not in entry:
        yield document.problem((*place, "definition"), "is missing")
    else:
        yield from _definition_problems(document, entry["definition"], (*place, "definition"), names)


def _definition_problems(
    document: Document, definition: Any, place: Place, names: list[str]
) -> Iterator[Problem]:
    try:
        spec = read_definition(definition)
    except DefinitionError as fault:
        yield document.problem((*place, *fault.place), fault.message)
        return
    for criterion in criteria(spec):
        if criterion.method == "selector" and "*" not in criterion.value and criterion.value not in names:
            yield document.problem(
                place, f"takes up the selector {criterion.value!r}, which is not defined above it"
            )
        if "{{" in criterion.value:
            yield document.problem(place, f"{criterion.value!r}: Jinja is for dbt alone to render")
