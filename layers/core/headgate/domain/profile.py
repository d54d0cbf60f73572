"""The one target of a profiles.yml that an environment uses: its schema and threads are the environment's, or a run's.

The file is read and written by whoever holds it: publishing keeps its comments, a runner needs only its meaning.
"""

from collections.abc import Iterable, MutableMapping
from difflib import get_close_matches
from typing import Any

from headgate.errors import ProjectError


def set_target(
    content: Any, profile: str, target: str, *, whose: str, schema: str, threads: int | None = None
) -> None:
    """Change what profiles.yml says, in place. whose: the environment, for messages.

    Raises ProjectError without the profile or the target.
    """
    found = _member(content, profile, "profiles.yml has no profile", "the one that dbt_project.yml names")
    outputs = found.get("outputs") or {}
    output = _member(
        outputs, target, f"profile {profile!r} has no target", f"the one of environment {whose!r}"
    )
    output["dataset" if "dataset" in output else "schema"] = schema
    if threads is not None:
        output["threads"] = threads


def _member(holder: Any, name: str, missing: str, which: str) -> MutableMapping[str, Any]:
    found = holder.get(name) if isinstance(holder, MutableMapping) else None
    if isinstance(found, MutableMapping):
        return found
    raise ProjectError(f"{missing} {name!r}, {which}.{_hint(name, holder)}")


def _hint(name: str, known: Iterable[object]) -> str:
    names = [str(word) for word in known]
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    return f" Did you mean {near[0]}?" if near else f" There: {', '.join(names) or 'nothing'}"
