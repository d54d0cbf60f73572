"""Which parses a bundle needs: one for each `--vars` of its environment's jobs, more where a job's variables count."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headgate.domain.command import Command
from headgate.domain.job import Environment, Job
from headgate.domain.variables import Effective, effective, own_of, parse_digest


@dataclass(frozen=True, slots=True)
class Wanted:
    """One parse. variables: the JSON of `--vars`. own: what a job sets otherwise than its environment.

    effective: the environment variables that dbt is given. jobs: whose parse it is; none: everybody's.
    """

    variables: str
    effective: Mapping[str, Effective]
    own: Mapping[str, str]
    jobs: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        return parse_digest(self.variables, self.own)

    @property
    def said(self) -> dict[str, str]:
        """Variable -> value or reference, for comparing."""
        return {name: one.said for name, one in self.effective.items()}

    @property
    def title(self) -> str:
        """For whoever waits."""
        vars_ = f" --vars '{self.variables}'" if self.variables != "{}" else ""
        return "parsing with dbt" + vars_ + (f" for {', '.join(self.jobs)}" if self.jobs else "")


def common(environment: Environment, variables: Mapping[str, str]) -> Iterator[Wanted]:
    """With what the environment sets. variables: digest -> the JSON of `--vars`."""
    for text in variables.values():
        yield Wanted(text, effective(environment), {})


def of_jobs(environment: Environment, jobs: Iterable[Job]) -> Iterator[Wanted]:
    """With what jobs set otherwise, each set of variables once."""
    found: dict[str, Wanted] = {}
    for job in jobs:
        own = own_of(job, environment)
        if job.environment != environment.name or not own:
            continue
        for text in sorted({command.vars for command in (Command("build"), *job.commands)}):
            wanted = Wanted(text, effective(environment, job), own, (job.name,))
            known = found.get(wanted.digest)
            named = (*known.jobs, job.name) if known else (job.name,)
            found[wanted.digest] = Wanted(text, wanted.effective, own, named)
    yield from found.values()
