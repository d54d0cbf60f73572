"""What surrounds the dbt of a step, besides its command: variables, secrets, and what a run wants otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from headgate.domain.fingerprint import short_digest
from headgate.domain.variables import Effective, plain, references


@dataclass(frozen=True, slots=True)
class Setting:
    """effective: variable -> what it is in this run (domain/variables.py).

    schema: the target's schema for this run alone; empty: the environment's. parse: which parse of the bundle the
    index is of; empty: that of the command's `--vars`. anew: dbt has to read the project itself, so that the index
    tells only nearly what it will find.
    """

    effective: Mapping[str, Effective] = field(default_factory=dict)
    schema: str = ""
    parse: str = ""
    anew: bool = False

    @property
    def variables(self) -> dict[str, str]:
        return plain(self.effective)

    @property
    def secrets(self) -> dict[str, str]:
        return references(self.effective)

    def digests(self, now: float) -> dict[str, str]:
        """Variable -> digest of its value, for fingerprints.

        Of a secret nobody knows here when its value changes: what reads it is another one at every moment.
        """
        return {
            name: short_digest(f"{one.said} {now}" if one.is_secret else one.said)
            for name, one in self.effective.items()
        }
