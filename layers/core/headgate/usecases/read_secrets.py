"""The secret variables of an environment: what `headgate publish` parses with and runners build with."""

from headgate.domain.job import Environment
from headgate.errors import InputError
from headgate.ports import Secrets


def read_secrets(environment: Environment, *, secrets: Secrets) -> dict[str, str]:
    """Environment variable -> value. Raises NotFoundError or InputError, naming the secret and never a value."""
    values: dict[str, str] = {}
    for variable, reference in environment.secrets.items():
        name, _, key = reference.partition("#")
        found = secrets.get(name)
        if key not in found:
            raise InputError(f"the secret {name!r} has no key {key!r}, which {variable} is to be read from")
        values[variable] = str(found[key])
    return values
