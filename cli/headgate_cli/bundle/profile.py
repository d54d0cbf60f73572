"""The environment's schema and threads, written into the target of profiles.yml that a bundle carries."""

from collections.abc import Iterable, MutableMapping
from difflib import get_close_matches
from typing import Any

from ruamel.yaml import YAML

from headgate.domain.job import Environment
from headgate.errors import ProjectError
from headgate_cli.bundle.project import Project, read_yaml

_HOW = "headgate.yml says the target; secrets stay out of the file with env_var('DBT_ENV_SECRET_…')"


def set_profile(project: Project, environment: Environment) -> None:
    """Write into `project` (a private copy). Raises ProjectError without the profile or the target."""
    path = project.folder / "profiles.yml"
    if not path.is_file():
        raise ProjectError(
            "there is no profiles.yml beside dbt_project.yml: a bundle carries its own, so that every runner "
            f"connects alike. {_HOW}"
        )
    loader = _round_trip()
    content = read_yaml(path, loader)
    profile = _member(
        content, project.profile, "profiles.yml has no profile", "the one that dbt_project.yml names"
    )
    outputs = profile.get("outputs") or {}
    where = f"profile {project.profile!r} has no target"
    output = _member(outputs, environment.target, where, f"the one of environment {environment.name!r}")
    output["dataset" if "dataset" in output else "schema"] = environment.schema
    output["threads"] = environment.threads
    with path.open("w", encoding="utf-8") as file:
        loader.dump(content, file)


def _member(holder: Any, name: str, missing: str, which: str) -> MutableMapping[str, Any]:
    found = holder.get(name) if isinstance(holder, MutableMapping) else None
    if isinstance(found, MutableMapping):
        return found
    raise ProjectError(f"{missing} {name!r}, {which}.{_hint(name, holder)}")


def _hint(name: str, known: Iterable[object]) -> str:
    names = [str(word) for word in known]
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" There: {', '.join(names) or 'nothing'}"


def _round_trip() -> YAML:
    loader = YAML(typ="rt")
    loader.preserve_quotes = True
    loader.width = 4096  # never fold a line of somebody else's file
    return loader
