"""A first headgate.yml as text, from what a dbt project says, and what of it is guessed. Pure."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from headgate_cli.jobs.found_project import FoundProject, Target

PRODUCTION = ("prod", "production", "prd", "live", "main")
_MORE = ("staging", "stage", "stg", "uat", "qa", "preprod")
SCHEMA = "analytics"
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@-]*")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})
_NOT_SECRETS = ("HEADGATE_", "AWS_")


@dataclass(frozen=True, slots=True)
class FirstFile:
    """The file's text; guesses: what its owner should look at, a line each."""

    text: str
    guesses: tuple[str, ...]


def first_file(project: FoundProject, timezone: str) -> FirstFile:
    """timezone: where the nightly job's six o'clock is."""
    guesses: list[str] = []
    chosen = _production(project)
    others = [target for target in project.targets if target is not chosen and target.name in _MORE]
    environments = [_environment("production", chosen, project, guesses)]
    environments += [_environment(target.name, target, project, guesses) for target in others]
    guesses += _told(project, chosen, others)
    lines = [
        "# What runs this project, and when. Every key: docs/jobs-file.md of Headgate.",
        "version: 1",
        f"project: {_scalar(_name(project.name))}",
        "",
        "environments:",
        *(line for environment in environments for line in environment),
        "",
        "jobs:",
        *_jobs(project, timezone),
        "",
        "# Who is told when something fails:",
        "# alerts:",
        '#   - send: [{slack: "#data"}]',
    ]
    guesses.append(f"the job nightly starts at 06:00 {timezone}: set its schedule")
    return FirstFile("\n".join(lines) + "\n", tuple(guesses))


def _production(project: FoundProject) -> Target:
    by_name = {target.name: target for target in project.targets}
    wanted = (*PRODUCTION, project.usual)
    found = next((by_name[name] for name in wanted if name in by_name), None)
    return found or next(iter(project.targets), Target("prod", "", {}))


def _environment(name: str, target: Target, project: FoundProject, guesses: list[str]) -> list[str]:
    schema = target.schema or SCHEMA
    if not target.schema:
        guesses.append(f"environment {name}: schema {SCHEMA} (the profile does not say it literally)")
    lines = [
        f"  {_scalar(_name(name))}:",
        f"    target: {_scalar(target.name)}",
        f"    schema: {_scalar(schema)}",
    ]
    wanted = {
        variable: key for variable, key in target.variables.items() if not variable.startswith(_NOT_SECRETS)
    }
    if wanted:
        secret = f"warehouse/{_name(project.name)}"
        guesses.append(
            f"environment {name}: its {len(wanted)} secret variables are read from the secret {secret}"
        )
        lines.append("    secrets: # variable of profiles.yml: <secret>#<key of its JSON>")
        lines += [f"      {variable}: {secret}#{_key(key)}" for variable, key in sorted(wanted.items())]
    return lines


def _told(project: FoundProject, chosen: Target, others: Iterable[Target]) -> Iterator[str]:
    if not project.targets:
        yield "there is no profile to read: target prod and its schema are assumed"
    elif chosen.name not in PRODUCTION:
        yield f"environment production builds with the target {chosen.name}: none is called prod"
    left = [target.name for target in project.targets if target is not chosen and target not in others]
    if left:
        yield f"no environment is made of the target {', '.join(left)}"
    for name in project.guessed:
        yield f"connector {name}: named like the source; its meta does not say which connector loads it"
    if not project.fivetran and not project.airbyte:
        yield "no source says which connector loads it, so no job waits for one: see when in docs/jobs-file.md"
    if len(project.owners) > 1:
        yield f"owner {project.owners[0]}: exposures also name {', '.join(project.owners[1:])}"
    for file in project.unread:
        yield f"{file} was not read: it is no plain YAML"


def _jobs(project: FoundProject, timezone: str) -> Iterator[str]:
    owner = [f"    owner: {_scalar(project.owners[0])}"] if project.owners else []
    if project.fivetran or project.airbyte:
        yield from ("  landed:", "    environment: production", *owner)
        yield "    description: What is downstream of a connector, whenever it has landed"
        yield "    when:"
        if project.fivetran:
            yield f"      fivetran: {{connectors: [{', '.join(map(_scalar, project.fivetran))}]}}"
        if project.airbyte:
            yield f"      airbyte: {{connections: [{', '.join(map(_scalar, project.airbyte))}]}}"
        yield "    # No commands: dbt build of what the connector feeds, and of nothing that is still fresh."
        yield ""
    yield from ("  nightly:", "    environment: production", *owner)
    yield "    description: The whole project, once a day"
    yield "    when:"
    yield f'      schedule: {{cron: "0 6 * * *", timezone: {_scalar(timezone)}}}'
    yield "    run:"
    yield "      - dbt build"


def _scalar(text: str) -> str:
    """As YAML reads it back: in quotes where it could be something else than a text."""
    if _PLAIN.fullmatch(text) and text.casefold() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _name(text: str) -> str:
    made = re.sub(r"[^A-Za-z0-9_-]", "_", text).lstrip("_-")[:48]
    return made or "shop"


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text)
