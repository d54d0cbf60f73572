"""Every error Headgate raises on purpose. Class names are what the state machine's Retry and Catch match.

HeadgateError
├── InputError                  what somebody wrote is wrong: says what, where, and how to mend it
│   ├── CommandError                a step's command
│   ├── SelectionError              a --select or --exclude expression
│   │   ├── DefinitionError             a definition of selectors.yml (carries the place inside it)
│   │   └── SelectorsFileError          selectors.yml (carries every problem, with its line)
│   ├── ScheduleError               a cron expression or a time zone
│   ├── JobsFileError               headgate.yml (carries every problem, with line and column)
│   ├── ManifestError               a manifest that cannot be planned with: version, cycle, dangling reference
│   └── ProjectError                a dbt project that does not parse
├── WebhookError                an inbound message is refused; carries the HTTP status
├── NotFoundError               a job, run, environment or bundle that does not exist
├── PlanError                   a run that cannot be planned; the run ends in error with this message
├── RunEndedError               a run that has ended or is being cancelled: nothing more of it is begun
├── ConflictError               somebody else was first; nothing was written
├── ApplyError                  jobs were stored, their schedules were not: says what holds now
├── LeaseLostError              this runner's lease ended: it must stop its own dbt and write nothing
└── UnavailableError            a service did not answer; safe to try again
"""

from collections.abc import Sequence
from dataclasses import dataclass


class HeadgateError(Exception):
    """Root of everything raised on purpose; its text can be shown to a user."""


class InputError(HeadgateError):
    """Something a person wrote is wrong."""


class CommandError(InputError):
    """A step's command is not one that Headgate runs."""


class SelectionError(InputError):
    """A selection expression cannot be read."""


class DefinitionError(SelectionError):
    """A definition of selectors.yml cannot be read. `place`: its keys and positions inside the definition."""

    def __init__(self, place: Sequence[str | int], message: str) -> None:
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
        super().__init__(f"definition{where}: {message}")
        self.place = tuple(place)
        self.message = message


class ScheduleError(InputError):
    """A cron expression or time zone is wrong."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault in a file: where it is (1-based line), what it is, how to mend it."""

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}  {self.path}: {self.message}"


class JobsFileError(InputError):
    """The jobs file has faults; all of them are in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class SelectorsFileError(SelectionError):
    """selectors.yml has faults; all of them are in `problems`."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class ManifestError(InputError):
    """A manifest cannot be used to plan."""


class ProjectError(InputError):
    """A dbt project does not parse."""


class WebhookError(HeadgateError):
    """An inbound message is refused. `status` is the HTTP status of the answer; the text is the whole answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class NotFoundError(HeadgateError):
    """Something that was asked for by name does not exist."""


class PlanError(HeadgateError):
    """A run cannot be planned."""


class RunEndedError(HeadgateError):
    """A run has ended, or is to end, before something of it was begun."""


class ConflictError(HeadgateError):
    """A conditional write was refused because somebody else was first."""


class ApplyError(HeadgateError):
    """A jobs file was not applied, or only in part; the text says what holds now."""


class LeaseLostError(HeadgateError):
    """A runner's lease ended or was taken over."""


class UnavailableError(HeadgateError):
    """A service did not answer; the same call may be tried again."""
