"""What somebody who starts a run wants otherwise than its job says."""

import json
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Overrides:
    """schema: the environment's schema is left alone, and reuse with it. threads: 0: the environment's.

    vars: JSON object of variables that the job declares; canonical (sorted keys). git_ref: what was asked for; the
    run's bundle is the one that was published from it. steps: whether the run has commands of its own. request: which
    request made the run, so that its key cannot be used for another one (usecases/request_run.py); no wish in itself.
    """

    schema: str = ""
    threads: int = 0
    vars: str = "{}"
    git_ref: str = ""
    steps: bool = False
    request: str = ""

    @property
    def changes_parse(self) -> bool:
        """Whether dbt has to read the project anew: names of relations, or what variables decide."""
        return self.schema != "" or self.vars != "{}"

    @property
    def differs(self) -> bool:
        """Whether the run does anything otherwise than its job says, so that neither can answer for the other."""
        return replace(self, request="") != NO_OVERRIDES

    @property
    def text(self) -> str:
        """`schema dev_ana, 2 threads, last_day=2026-11-01, from main`; empty if there is nothing to say."""
        said = [f"schema {self.schema}"] if self.schema else []
        said += [f"{self.threads} {'thread' if self.threads == 1 else 'threads'}"] if self.threads else []
        said += [
            f"{name}={value if isinstance(value, str) else json.dumps(value)}"
            for name, value in json.loads(self.vars).items()
        ]
        said += [f"from {self.git_ref}"] if self.git_ref else []
        return ", ".join([*said, *(["commands of its own"] if self.steps else [])])


NO_OVERRIDES = Overrides()
