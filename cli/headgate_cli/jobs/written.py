"""The jobs files as a command means them: read, and with the dbt project that they lie beside."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headgate.domain.job import JobsFile

_PROJECT = "dbt_project.yml"


def read_written(files: Sequence[Path], origin: str) -> "JobsFile":
    """Raises NotFoundError and JobsFileError, with every fault."""
    from dataclasses import replace

    from headgate.adapters.jobs_file import read_jobs_files

    found = read_jobs_files(files, origin or None)
    return replace(found, dbt_project=_project_beside(files[0]))


def _project_beside(file: Path) -> str:
    """The name in the dbt_project.yml of its folder; nothing if it has none that can be read."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    path = (file if file.is_dir() else file.parent) / _PROJECT
    try:
        found = YAML(typ="safe").load(path)
    except (OSError, YAMLError, UnicodeDecodeError):
        return ""
    return str(found.get("name") or "") if isinstance(found, dict) else ""
