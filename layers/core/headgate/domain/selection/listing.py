"""Which resource types `dbt ls` lists: dbt.task.list.ListTask of dbt-core 1.11."""

from collections.abc import Collection
from difflib import get_close_matches

from headgate.errors import SelectionError

_DEFAULT = frozenset(
    {
        "model", "snapshot", "seed", "test", "source", "exposure", "metric", "saved_query", "semantic_model",
        "unit_test", "function",
    }
)  # fmt: skip
_ALL = _DEFAULT | {"analysis"}


def listed_types(types: Collection[str] = (), without: Collection[str] = ()) -> frozenset[str]:
    """What `--resource-type` and `--exclude-resource-type` leave; without the first, everything but analyses.

    Raises SelectionError for a type that dbt does not list.
    """
    wanted = frozenset[str]().union(*map(_meant, types)) if types else _DEFAULT
    left_out = frozenset[str]().union(*map(_meant, without)) if without else frozenset()
    return wanted - left_out


def _meant(resource_type: str) -> frozenset[str]:
    groups = {"all": _ALL, "default": _DEFAULT}
    known = sorted(_ALL | groups.keys())
    if resource_type not in known:
        near = get_close_matches(resource_type, known, n=1, cutoff=0.5)
        raise SelectionError(
            f"{resource_type!r} is no resource type that is listed"
            + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(known)}")
        )
    return groups.get(resource_type, frozenset({resource_type}))
