"""headgate.yml → JobsFile. Every fault is collected: one reading shows all there is to mend."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from headgate.adapters.jobs_file.across import empty_keys, no_environment, unknown_names
from headgate.adapters.jobs_file.classes import class_problems
from headgate.adapters.jobs_file.document import Document, Place, read_document
from headgate.adapters.jobs_file.documents import entries, files_of, said_otherwise, written_twice
from headgate.adapters.jobs_file.faults import explain, is_noise, keys_of
from headgate.adapters.jobs_file.records import jobs_file
from headgate.adapters.jobs_file.whole import FileEntry
from headgate.domain.completion import cycle_in
from headgate.domain.job import JobsFile
from headgate.errors import JobsFileError, Problem


def read_jobs_file(path: Path, origin: str | None = None) -> JobsFile:
    """Read and check one file, or a folder of them: read_jobs_files."""
    return read_jobs_files([path], origin)


def read_jobs_files(paths: Sequence[Path], origin: str | None = None) -> JobsFile:
    """Read and check files that belong together; a folder stands for its *.yml and *.yaml.

    `origin` marks the jobs that they manage; else their `project` does, else the first file's name. Raises
    NotFoundError for what is not there, JobsFileError with all problems, file by file in the order of their lines.
    """
    documents = _documents(files_of(paths))
    problems: list[Problem] = []
    read: list[FileEntry | None] = []
    for document in documents:
        try:
            read.append(FileEntry.model_validate(document.values))
        except ValidationError as fault:
            problems += _faults(document, fault.errors(include_url=False))
            read.append(None)
    problems += [*written_twice(documents), *said_otherwise(documents), *no_environment(documents)]
    problems += [*unknown_names(documents), *class_problems(documents)]
    told = {(problem.file, problem.path) for problem in problems}
    problems += [found for found in empty_keys(documents) if (found.file, found.path) not in told]
    files = [entry for entry in read if entry is not None]
    problems += _built_by_two(documents, read)
    name = origin or next((entry.project for entry in files if entry.project), None)
    if len(documents) > 1 and paths[0].is_dir() and not name and not problems:
        message = (
            "is missing: the files of a folder need a name that stays theirs, whichever of them is the first"
        )
        problems.append(documents[0].problem(("project",), message))
    if problems:
        raise JobsFileError(_in_order(documents, problems))
    made = jobs_file(files, name or Path(documents[0].file).name)
    cycles = list(_cycles(documents, made))
    if cycles:
        raise JobsFileError(cycles)
    return made


def _documents(files: Sequence[Path]) -> list[Document]:
    """Raises JobsFileError with what is wrong with any of them as a YAML file."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for path in files:
        try:
            document = read_document(path)
        except JobsFileError as fault:
            problems += fault.problems
            continue
        documents.append(document)
        if not isinstance(document.values, Mapping):
            what = "is empty" if document.values is None else "is not a mapping"
            problems.append(document.problem((), f"the file {what}: it begins with 'version: 1'"))
    if problems:
        raise JobsFileError(problems)
    return documents


def _in_order(documents: Sequence[Document], problems: Sequence[Problem]) -> list[Problem]:
    order = {document.file: position for position, document in enumerate(documents)}
    return sorted(dict.fromkeys(problems), key=lambda found: (order[found.file], found.line, found.path))


def _faults(document: Document, faults: Sequence[ErrorDetails]) -> Iterator[Problem]:
    unknown = [fault["loc"] for fault in faults if fault["type"] == "extra_forbidden"]
    for fault in faults:
        if is_noise(fault, unknown):
            continue
        place = _as_written(document, (*fault["loc"], *keys_of(fault)))
        yield document.problem(place, explain(fault, place))


def _as_written(document: Document, place: Place) -> Place:
    """Without pydantic's own marks: positions in lists that are written as the one thing they would hold, `[key]`."""
    found: list[object] = []
    value = document.values
    for part in place:
        if part == "[key]" or (isinstance(part, int) and not _holds(value, part)):
            continue
        found.append(part)
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int):
            value = value[part] if part < len(value) else None
    return tuple(found)


def _holds(value: object, part: int) -> bool:
    return isinstance(value, list) or (isinstance(value, Mapping) and part in value)


def _built_by_two(documents: Sequence[Document], files: Sequence[FileEntry | None]) -> Iterator[Problem]:
    """Jobs that reuse what another environment builds as well: what is remembered belongs to one environment."""
    known = {name: found for entry in files if entry for name, found in entry.environments.items()}
    places = {name: (found.target, found.schema_) for name, found in known.items()}
    for document, entry in zip(documents, files, strict=True):
        for name, job in entry.jobs.items() if entry else ():
            if not job.reuse.unchanged or job.environment not in places:
                continue
            same = (other for other, place in places.items() if place == places[job.environment])
            other = next((other for other in same if other != job.environment), None)
            if other is not None:
                message = (
                    f"environment {other!r} has the target and the schema of {job.environment!r}: what it builds "
                    "would be changed unseen. Use one environment for both, or another schema"
                )
                yield document.problem(("jobs", name, "reuse"), message)


def _cycles(documents: Sequence[Document], made: JobsFile) -> Iterator[Problem]:
    cycle = cycle_in(made.jobs)
    if cycle:
        first = next(found for found in entries(documents, "jobs") if found.name == cycle[0])
        yield first.problem(
            f"jobs that wait for each other never start: {' → '.join(cycle)}", "when", "after"
        )
