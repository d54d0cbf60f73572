"""A run in another schema: the profile of the unpacked project is rewritten, for this process alone."""

from pathlib import Path

import yaml

from headgate.domain.job import Environment
from headgate.domain.profile import set_target
from headgate.errors import ProjectError


def use_schema(project: Path, environment: Environment, schema: str) -> None:
    """Let the environment's target have this schema. Raises ProjectError when the bundle has no such profile."""
    path = project / "profiles.yml"
    try:
        settings = yaml.safe_load((project / "dbt_project.yml").read_text(encoding="utf-8"))
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as fault:
        raise ProjectError(f"the bundle's profile cannot be read: {fault}") from fault
    set_target(
        content,
        str(settings.get("profile") or ""),
        environment.target,
        whose=environment.name,
        schema=schema,
    )
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
