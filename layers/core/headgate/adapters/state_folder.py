"""The folder of an earlier run, as dbt's `--state` has it: manifest.json, run_results.json, sources.json."""

from pathlib import Path

from pydantic import BaseModel, ValidationError

from headgate.domain.manifest import read_manifest
from headgate.domain.selection.earlier import Earlier
from headgate.errors import ManifestError, NotFoundError


class _Result(BaseModel):
    unique_id: str
    status: str
    max_loaded_at: str | None = None


class _Results(BaseModel):
    results: list[_Result]


def read_state_folder(folder: Path, current: Path) -> Earlier:
    """What a folder has of it. current: the folder of the present manifest, whose sources.json is the present one.

    Raises NotFoundError without the folder or with none of the files, ManifestError for a file that cannot be read.
    """
    if not folder.is_dir():
        raise NotFoundError(
            f"there is no folder {folder}; --state names the folder of an earlier manifest.json"
        )
    manifest = folder / "manifest.json"
    results, sources = _read(folder / "run_results.json"), _read(folder / "sources.json")
    earlier = Earlier(
        index=read_manifest(manifest.read_bytes(), str(manifest)) if manifest.is_file() else None,
        statuses=None if results is None else {one.unique_id: one.status for one in results},
        sources=_loaded(sources),
        sources_now=_loaded(_read(current / "sources.json")),
    )
    if (earlier.index, earlier.statuses, earlier.sources) == (None, None, None):
        raise NotFoundError(f"{folder} has no manifest.json, run_results.json or sources.json")
    return earlier


def _read(path: Path) -> list[_Result] | None:
    try:
        return _Results.model_validate_json(path.read_bytes()).results
    except FileNotFoundError:
        return None
    except ValidationError as fault:
        first = fault.errors()[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise ManifestError(f"{path} is not what dbt writes: {where}: {first['msg']}") from fault


def _loaded(sources: list[_Result] | None) -> dict[str, str] | None:
    if sources is None:
        return None
    return {one.unique_id: one.max_loaded_at for one in sources if one.max_loaded_at is not None}
