"""What `env_var()` gives in the runs of an environment or a job, who said so, and whether its secrets are there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.domain.applied import unknown
from headgate.domain.bundle import METADATA, BundleMetadata
from headgate.domain.job import Environment, Job
from headgate.domain.variables import COMPUTED, READABLE, UNSET, Effective, effective, with_defaults
from headgate.errors import HeadgateError, InputError, NotFoundError
from headgate.ports import BundleStore, JobStore, Secrets


@dataclass(frozen=True, slots=True)
class Listed:
    """One variable. fault: why a run could not have it; empty: it can."""

    variable: Effective
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """computes: whether the project reads some whose names its code computes: nobody can list those."""

    environment: str
    job: str
    variables: tuple[Listed, ...]
    computes: bool = False


def environment_of(name: str, jobs: JobStore) -> Environment:
    """The environment of this name. Raises NotFoundError with the nearest name."""
    try:
        return jobs.environment(name)
    except NotFoundError:
        names = [one.name for applied in jobs.applied() for one in applied.file.environments]
        raise unknown("environment", name, names) from None


def job_of(name: str, environment: str, jobs: JobStore) -> Job | None:
    """The job of this name, None without one. Raises InputError: it belongs to another environment."""
    if not name:
        return None
    job = jobs.job(name)
    if job.environment != environment:
        raise InputError(f"job {name} runs in environment {job.environment}, not in {environment}")
    return job


def list_variables(
    environment: str, job: str = "", *, jobs: JobStore, bundles: BundleStore, secrets: Secrets
) -> Listing:
    """Every variable that is set or that the published project reads. Raises NotFoundError or InputError."""
    found, of = environment_of(environment, jobs), job_of(job, environment, jobs)
    reads = _reads(found, jobs, bundles)
    listed = with_defaults(effective(found, of), reads)
    return Listing(
        environment,
        job,
        tuple(Listed(one, _fault(one, secrets)) for one in listed.values()),
        computes=COMPUTED in reads,
    )


def _reads(environment: Environment, jobs: JobStore, bundles: BundleStore) -> Mapping[str, str | None]:
    try:
        body = bundles.read(jobs.bundle_of(environment.name), METADATA)
    except NotFoundError:
        return {}
    return BundleMetadata.from_json(body).reads


def _fault(variable: Effective, secrets: Secrets) -> str:
    if variable.origin == UNSET:
        return "the project reads it and gives no default"
    return secret_fault(variable.reference, secrets) if variable.is_secret else ""


def secret_fault(reference: str, secrets: Secrets) -> str:
    """Why a runner could not read this secret; never its value."""
    name, _, key = reference.partition("#")
    if not name.startswith(READABLE):
        return f"runners may read only secrets below {READABLE}"
    try:
        known = secrets.get(name, fresh=True)
    except NotFoundError:
        return f"there is no secret {name}"
    except HeadgateError as fault:
        return str(fault)
    if key not in known:
        return f"the secret {name} has no key {key}"
    return "" if known[key] else f"the key {key} of the secret {name} is empty"


def set_secret(environment: str, name: str, value: str, *, job: str, jobs: JobStore, secrets: Secrets) -> str:
    """Write the key that the variable is read from; returns its reference. The secret's other keys stay.

    Raises InputError: the variable is no secret, or the value is empty.
    """
    if not value.strip():
        raise InputError(f"the value of {name} is empty: nothing was changed")
    reference = reference_of(environment, name, job=job, jobs=jobs)
    secret, _, key = reference.partition("#")
    try:
        before = dict(secrets.get(secret, fresh=True))
    except NotFoundError:
        before = {}
    if before.get(key) != value:
        secrets.put(secret, before | {key: value})
    return reference


def reference_of(environment: str, name: str, *, job: str, jobs: JobStore) -> str:
    """`<secret>#<key>` of a secret variable. Raises InputError or NotFoundError."""
    found = effective(environment_of(environment, jobs), job_of(job, environment, jobs)).get(name)
    whose = f"job {job}" if job else f"environment {environment}"
    if found is None or not found.is_secret:
        what = "is set as a plain variable" if found else "is not set"
        raise InputError(
            f"{name} {what} for {whose}: name its place first, as in secrets: {json.dumps(name)[1:-1]}: "
            f"{READABLE}{environment}#key, then `headgate jobs apply`"
        )
    if not found.reference.startswith(READABLE):
        raise InputError(f"{name} is read from {found.reference}, but runners may read only below {READABLE}")
    return found.reference
