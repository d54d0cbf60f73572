"""Which parse of a bundle a step is planned with, and whether it still says what dbt would find.

Publishing makes one parse for each `--vars` of the environment's jobs, and one more where a job's own environment
variables change what dbt reads. A step that wants anything else (a run's own schema or variables) is planned with the
nearest parse, and dbt reads the project anew when it builds.
"""

from dataclasses import dataclass

from headgate.domain.bundle import INDEX, SHORT, named
from headgate.domain.command import Command
from headgate.domain.index import Index
from headgate.domain.job import Environment, Job
from headgate.domain.run import Run
from headgate.domain.variables import changed, effective, own_of, parse_digest, read_by
from headgate.errors import ManifestError, NotFoundError, PlanError
from headgate.ports import BundleStore

# They read no model: whatever dbt found when it parsed means nothing to them.
_WITHOUT_PARSE = frozenset({"debug", "deps"})


@dataclass(frozen=True, slots=True)
class Chosen:
    """An index, the digest of its parse, and whether dbt has to read the project anew."""

    index: Index
    parse: str
    anew: bool


@dataclass(frozen=True, slots=True)
class ChooseParse:
    """Of one run's bundle. own: what the job sets otherwise than its environment."""

    run: Run
    environment: Environment
    job: Job | None
    bundles: BundleStore

    def __call__(self, command: Command, before: str = "{}") -> Chosen:
        """command: with the run's own `--vars`; before: those that it has without them.

        Raises PlanError or ManifestError with what to do about it.
        """
        if not self.run.bundle:
            raise PlanError(f"nothing is published for environment {self.run.environment}: {self._publish}")
        if command.verb in _WITHOUT_PARSE:
            plain = Command(command.verb)
            return Chosen(self._read(plain.vars_digest, plain.vars), plain.vars_digest, anew=False)
        anew = self.run.overrides.schema != ""
        try:
            index, digest = self._of(command.vars)
        except PlanError:
            if command.vars == before:
                raise
            index, digest = self._of(before)
            anew = True
        if not anew:
            self._check(index)
        return Chosen(index, digest, anew)

    def _of(self, variables: str) -> tuple[Index, str]:
        digest, own = parse_digest(variables, {}), own_of(self.job, self.environment)
        index = self._read(digest, variables)
        if not read_by(index.env_vars, own):
            return index, digest
        digest = parse_digest(variables, own)
        try:
            return self._decoded(digest), digest
        except NotFoundError as fault:
            raise PlanError(
                f"bundle {self.run.bundle[:SHORT]} was not parsed with the variables of job {self.run.job} "
                f"({', '.join(sorted(own))}): apply the jobs file, then {self._publish} again"
            ) from fault

    def _read(self, digest: str, variables: str) -> Index:
        try:
            return self._decoded(digest)
        except NotFoundError as fault:
            if variables == "{}":
                raise PlanError(
                    f"bundle {self.run.bundle[:SHORT]} is not there, or not whole: {self._publish} again"
                ) from fault
            raise PlanError(
                f"bundle {self.run.bundle[:SHORT]} was not parsed with --vars {variables}: apply the jobs file, "
                f"then {self._publish} again"
            ) from fault

    def _decoded(self, digest: str) -> Index:
        try:
            return Index.decode(self.bundles.read(self.run.bundle, named(digest, INDEX)))
        except ManifestError as fault:
            raise ManifestError(f"bundle {self.run.bundle[:SHORT]}: {fault}") from fault

    def _check(self, index: Index) -> None:
        """A variable that dbt has read while it parsed may have made another project of it."""
        now = effective(self.environment, self.job)
        other = changed(index.env_vars or {}, {name: one.said for name, one in now.items()})
        if other:
            raise PlanError(
                f"{', '.join(other)} had another value when bundle {self.run.bundle[:SHORT]} was parsed: "
                f"{self._publish} again"
            )

    @property
    def _publish(self) -> str:
        return f"run `headgate publish --environment {self.run.environment}`"
