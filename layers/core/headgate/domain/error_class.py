"""Why a node's attempt failed, as a class; each class says what to do about it.

The table is data: `environments.<name>.error_classes` in headgate.yml puts its own classes before these.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """One class of failures.

    patterns: regular expressions, searched in dbt's message without regard to case. retry: whether a job that
    names the class (or its group) in `retries.on` gets another attempt. first_seconds, longest_seconds: the pause
    before the first of them, doubled each time up to the longest. counts: whether the attempt uses up `retries.max`.
    fewer_threads: the runner builds with one thread less from then on. larger_runner: the next container gets more
    memory. group: a second name under which jobs can mean several classes at once.
    """

    name: str
    patterns: tuple[str, ...] = ()
    retry: bool = False
    first_seconds: float = 5.0
    longest_seconds: float = 120.0
    counts: bool = True
    fewer_threads: bool = False
    larger_runner: bool = False
    group: str = ""
