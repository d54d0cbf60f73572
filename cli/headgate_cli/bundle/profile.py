"""The environment's schema and threads, written into the target of profiles.yml that a bundle carries."""

from ruamel.yaml import YAML

from headgate.domain.job import Environment
from headgate.domain.profile import set_target
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
    set_target(
        content,
        project.profile,
        environment.target,
        whose=environment.name,
        schema=environment.schema,
        threads=environment.threads,
    )
    with path.open("w", encoding="utf-8") as file:
        loader.dump(content, file)


def _round_trip() -> YAML:
    loader = YAML(typ="rt")
    loader.preserve_quotes = True
    loader.width = 4096  # never fold a line of somebody else's file
    return loader
