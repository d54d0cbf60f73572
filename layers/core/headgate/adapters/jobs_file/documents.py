"""Several files as one: which there are, and what stands in all of them, each with its own file and line."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.adapters.jobs_file.document import Document, Place
from headgate.errors import JobsFileError, NotFoundError, Problem

# Sections in which a name means one thing, whichever file it is in.
NAMED = ("environments", "receivers", "jobs", "variables", "secrets")


@dataclass(frozen=True)
class Found:
    """An entry of a section: where it stands, and its value as it is written."""

    document: Document
    place: Place
    value: Any

    @property
    def name(self) -> Hashable:
        return self.place[-1]

    def problem(self, message: str, *inside: Hashable) -> Problem:
        """About this entry, or something in it."""
        return self.document.problem((*self.place, *inside), message)

    @property
    def where(self) -> str:
        """`headgate.yml:12`."""
        return f"{self.document.file}:{self.document.line(self.place)}"


def files_of(paths: Sequence[Path]) -> list[Path]:
    """The files that are meant: a folder stands for its *.yml and *.yaml in the order of their names.

    Raises NotFoundError for a folder without any, JobsFileError for a dbt project's own folder.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        inside = _inside(path) if path.is_dir() else [path]
        found |= {file.resolve(): file for file in inside if file.resolve() not in found}
    return list(found.values())


def _inside(folder: Path) -> list[Path]:
    files = sorted(file for file in folder.iterdir() if file.suffix in (".yml", ".yaml") and file.is_file())
    if not files:
        raise NotFoundError(f"there is no jobs file (*.yml) in {folder}; name another folder with --file")
    project = next((file for file in files if file.name == "dbt_project.yml"), None)
    if project is not None:
        message = (
            "the folder is a dbt project: name its headgate.yml, or a folder that holds jobs files alone"
        )
        raise JobsFileError([Problem(str(project), 1, "file", message)])
    return files


def entries(documents: Sequence[Document], section: str) -> Iterator[Found]:
    """What is written under this key, in all files."""
    for document in documents:
        for name, value in mapping(mapping(document.values).get(section)).items():
            yield Found(document, (section, name), value)


def mapping(value: object) -> Mapping[Any, Any]:
    """The value, where something else than a mapping says nothing."""
    return value if isinstance(value, Mapping) else {}


def listing(value: object) -> list[Any]:
    """The value, where something else than a list says nothing."""
    return value if isinstance(value, list) else []


def written_twice(documents: Sequence[Document]) -> Iterator[Problem]:
    """A name that means two things: in one file, or in two."""
    for document in documents:
        for place, line in document.repeated:
            message = f"two entries have this name; the other one is in line {document.lines[place]}"
            yield Problem(document.file, line, document.problem(place, "").path, message)
    for section in NAMED:
        first: dict[Hashable, Found] = {}
        for found in entries(documents, section):
            other = first.setdefault(found.name, found)
            if other is not found:
                yield found.problem(f"two entries have this name; the other one is {other.where}")


def said_otherwise(documents: Sequence[Document]) -> Iterator[Problem]:
    """What all files together can say once."""
    for place in (("project",), ("account", "max_parallel_runs")):
        first: Found | None = None
        for document in documents:
            value: Any = document.values
            for key in place:
                value = mapping(value).get(key)
            if value is None:
                continue
            found = Found(document, place, value)
            if first is not None and first.value != value:
                yield found.problem(f"{value!r} here, {first.value!r} in {first.where}: say it once")
            first = first or found
