"""Which environment variables a project reads: by its text, and by what dbt says that it came across."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from headgate.domain.env_reads import reads_of
from headgate.domain.variables import SECRET_PREFIX, is_hidden, missing, references
from headgate.errors import ProjectError
from headgate_cli.bundle.project import Project
from headgate_cli.bundle.wanted import Wanted

_WITH_CODE = frozenset({".sql", ".yml", ".yaml", ".py", ".md"})
# dbt tells of what models and their properties read, not of these.
_SETTINGS = frozenset({"dbt_project.yml", "profiles.yml", "selectors.yml"})
_PROFILES = "profiles.yml"


def reads_in(project: Project) -> dict[str, str | None]:
    """Everything that its files read, those of its packages among them: name -> default (domain/env_reads.py)."""
    return reads_of(_texts(project.folder, project.files()))


def settings_reads(project: Project) -> set[str]:
    """What dbt has read before it came to any model; in profiles.yml a secret changes no relation."""
    names = [name for name in project.files() if Path(name).name in _SETTINGS]
    return {name for name in reads_of(_texts(project.folder, names)) if not name.startswith(SECRET_PREFIX)}


def check_secrets(project: Project, found: Iterable[str], wanted: Wanted) -> None:
    """found: what dbt read in models; it writes such values into its files. Raises ProjectError."""
    names = [name for name in project.files() if Path(name).name in _SETTINGS - {_PROFILES}]
    read = {*found, *reads_of(_texts(project.folder, names))}
    for name, reference in references(wanted.effective).items():
        if name in read and is_hidden(name, reference):
            raise ProjectError(
                f"{name} is a secret, and something else than profiles.yml reads it with env_var(): dbt would write "
                "its value into the manifest. Read it in profiles.yml alone, or set it as one of `variables:`"
            )


def _texts(folder: Path, names: Iterable[str]) -> Iterator[str]:
    for name in names:
        path = folder / name
        if path.suffix in _WITH_CODE:
            yield path.read_text(encoding="utf-8", errors="replace")


def unset(reads: Mapping[str, str | None], wanted: Iterable[Wanted]) -> list[str]:
    """Variables that the project reads without a default, and that neither the environment nor any job sets."""
    lacking = [set(missing(one.effective, reads)) for one in wanted]
    return sorted(set.intersection(*lacking))
