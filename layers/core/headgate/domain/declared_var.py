"""A variable that whoever starts a run may set: declared by its job, so that nothing else reaches dbt."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeclaredVar:
    """One entry of a job's `vars:`. type: text, number, bool or date; choices: the only values, if there are any."""

    name: str
    type: str = "text"
    choices: tuple[str, ...] = ()
