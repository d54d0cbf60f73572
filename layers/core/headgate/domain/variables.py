"""Environment variables of a job's runs: which value each has, and who set it.

Precedence as on the dbt platform: job before environment before project before the default in the project's code. The
highest level that names a variable says everything about it: a plain value of a job takes the place of a secret of its
environment, and a secret of a job that of a plain value. Secrets are references (`<secret>#<key>`), never values.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

from headgate.domain.job import Environment, Job

DEFAULT = "default in the code"
UNSET = "set nowhere"
# dbt's own prefix: what is called so is read in profiles.yml and packages.yml alone.
SECRET_PREFIX = "DBT_ENV_SECRET"  # noqa: S105 - a prefix
# What a runner's role may read (template.yaml): secrets whose names begin so.
READABLE = "warehouse/"
# Among the names that a project reads: some that its code computes.
COMPUTED = "*"
# A secret holds a warehouse's whole address; host, port and database name are needed to read an error.
_HIDDEN = re.compile("SECRET|PASSWORD|PASSPHRASE|TOKEN|KEY|CREDENTIAL|PRIVATE", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Effective:
    """What `env_var(name)` gives. value: None for a secret, and for what is set nowhere. reference: of a secret."""

    name: str
    origin: str
    value: str | None = None
    reference: str = ""

    @property
    def is_secret(self) -> bool:
        return self.reference != ""

    @property
    def said(self) -> str:
        """Value or reference as one text, so that two settings can be compared."""
        return f"#{self.reference}" if self.is_secret else f"={self.value}"


def effective(environment: Environment, job: Job | None = None) -> dict[str, Effective]:
    """Name -> what it is in this job's runs; without a job, when the environment's project is parsed."""
    found: dict[str, Effective] = {}
    for origin, variables, secrets in _levels(environment, job):
        level = {name: Effective(name, origin, value=value) for name, value in variables.items()}
        # Of a name that is both, nobody may read the value.
        level |= {name: Effective(name, origin, reference=reference) for name, reference in secrets.items()}
        found = level | found
    return dict(sorted(found.items()))


def _levels(
    environment: Environment, job: Job | None
) -> Iterator[tuple[str, Mapping[str, str], Mapping[str, str]]]:
    """The highest first: who says it, its plain variables, its secrets."""
    if job is not None:
        yield f"job {job.name}", job.variables, job.secrets
    yield f"environment {environment.name}", environment.variables, environment.secrets
    project = f"project {environment.project}".strip()
    yield project, environment.project_variables, environment.project_secrets


def plain(found: Mapping[str, Effective]) -> dict[str, str]:
    """Variable -> value, of those that are no secrets."""
    return {name: one.value for name, one in found.items() if one.value is not None}


def references(found: Mapping[str, Effective]) -> dict[str, str]:
    """Variable -> `<secret>#<key>`, of the secrets."""
    return {name: one.reference for name, one in found.items() if one.is_secret}


def is_hidden(name: str, reference: str) -> bool:
    """Whether the variable's name, or its key in the secret, says that nobody may read its value."""
    return bool(_HIDDEN.search(name) or _HIDDEN.search(reference.partition("#")[2]))


def own_of(job: Job | None, environment: Environment) -> dict[str, str]:
    """What the job sets otherwise than its environment: name -> `Effective.said`."""
    before = effective(environment)
    return {
        name: one.said
        for name, one in effective(environment, job).items()
        if name not in before or before[name].said != one.said
    }


def parse_digest(variables: str, own: Mapping[str, str]) -> str:
    """Which parse of a project is meant. variables: the canonical JSON of `--vars`; own: of a job, `own_of`."""
    return _digest(json.dumps([variables, dict(sorted(own.items()))]) if own else variables)


def env_vars_of(read: Iterable[str], said: Mapping[str, str]) -> dict[str, str]:
    """`Index.env_vars` of a parse that may have read these names. said: variable -> `Effective.said`."""
    return {name: _digest(said[name]) if name in said else "" for name in sorted(read)}


def changed(reads: Mapping[str, str], said: Mapping[str, str]) -> list[str]:
    """Names that are set otherwise than when they were read. reads: `Index.env_vars`; said: as for `env_vars_of`."""
    now = env_vars_of(reads, said)
    return [name for name, before in reads.items() if name != COMPUTED and before != now[name]]


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]


def read_by(reads: Mapping[str, object] | None, names: Mapping[str, object]) -> bool:
    """Whether any of these names is among those that a parse has read. reads: None: nobody knows."""
    return bool(names) and (reads is None or COMPUTED in reads or not reads.keys().isdisjoint(names))


def with_defaults(found: Mapping[str, Effective], reads: Mapping[str, str | None]) -> dict[str, Effective]:
    """All that the project reads besides. reads: name -> the default in its code, None: it has none."""
    others = {
        name: Effective(name, UNSET if default is None else DEFAULT, value=default)
        for name, default in reads.items()
        if name not in found and name != COMPUTED
    }
    return dict(sorted({**others, **found}.items()))


def missing(found: Mapping[str, Effective], reads: Mapping[str, str | None]) -> list[str]:
    """Names that the project reads without a default and nobody sets: whatever reads them fails in a runner."""
    return [name for name, one in with_defaults(found, reads).items() if one.origin == UNSET]
