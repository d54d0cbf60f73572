"""The values of secret variables: what `headgate publish` parses with and runners build with."""

from collections.abc import Mapping

from headgate.domain.variables import READABLE
from headgate.errors import InputError
from headgate.ports import Secrets


def read_secrets(references: Mapping[str, str], *, secrets: Secrets) -> dict[str, str]:
    """Variable -> value. references: variable -> `<secret>#<key>`.

    Raises NotFoundError or InputError, naming the secret and never a value.
    """
    values: dict[str, str] = {}
    for variable, reference in references.items():
        name, _, key = reference.partition("#")
        if not name.startswith(READABLE):
            raise InputError(
                f"{variable}: runners may read only secrets below {READABLE}, not {name!r}: keep it there"
            )
        found = secrets.get(name)
        if key not in found:
            raise InputError(f"the secret {name!r} has no key {key!r}, which {variable} is to be read from")
        values[variable] = str(found[key])
    return values
