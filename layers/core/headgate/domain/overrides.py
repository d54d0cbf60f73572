"""What somebody who starts a run wants otherwise than its job says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Overrides:
    """schema: the environment's schema is left alone, and reuse with it. threads: 0: the environment's.

    vars: JSON object of variables that the job declares; canonical (sorted keys). git_ref: what was asked for; the
    run's bundle is the one that was published from it. request: which request made the run, so that its key cannot be
    used for another one (usecases/request_run.py).
    """

    schema: str = ""
    threads: int = 0
    vars: str = "{}"
    git_ref: str = ""
    request: str = ""

    @property
    def changes_parse(self) -> bool:
        """Whether dbt has to read the project anew: names of relations, or what variables decide."""
        return self.schema != "" or self.vars != "{}"


NO_OVERRIDES = Overrides()
