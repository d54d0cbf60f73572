"""Is the installed dbt the one whose insides this runner leans on?

The shared queue replaces private parts of dbt's classes for the five verbs. They are checked before the first use, by
version and by signature, so that another dbt is refused by name instead of failing in the middle of a build.
"""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from inspect import signature

from headgate.errors import InputError

TESTED = (1, 11)
WANTED = f"dbt-core {'.'.join(map(str, TESTED))}.x"

# Every attribute of dbt's class of a verb that shared_verbs.py overrides or calls, with its parameters.
SURFACE = {
    "compile_manifest": "self",
    "get_graph_queue": "self",
    "_runtime_initialize": "self",
    "before_run": "self adapter selected_uids",
    "defer_to_manifest": "self",
    "after_run": "self adapter results",
    "handle_job_queue": "self pool callback",
    "call_runner": "self runner",
    "get_runner": "self node",
    "get_model_schemas": "self adapter selected_uids",
    "_handle_result": "self result",
    "_mark_dependent_errors": "self node_id result cause",
    "populate_adapter_cache": "self adapter required_schemas",
    "populate_microbatch_batches": "self selected_uids",
    "_submit_batch": (
        "self node adapter relation_exists batches batch_idx batch_results pool force_sequential_run skip "
        "incremental_batch"
    ),
}
# What only some verbs have.
OWN_SURFACE = {
    "build": {
        "call_model_and_unit_tests_runner": "self node pool",
        "build_model_to_unit_test_map": "self selected_unit_tests",
    },
}

# Names of dbt's modules that are set: setting one that is gone would change nothing, and say nothing. Those that are
# imported are missed by the import.
NAMES = (
    "dbt_common.invocation:_INVOCATION_ID",
    "dbt_common.invocation:_INVOCATION_STARTED_AT",
    "dbt.tracking:active_user",
)


class UnsupportedDbtError(InputError):
    """The installed dbt is outside the tested range; a run needs another runner image."""


def check_version() -> None:
    """Raises UnsupportedDbtError unless dbt-core is in the tested range. Needs no import of dbt."""
    try:
        found = version("dbt-core")
    except PackageNotFoundError as fault:
        raise UnsupportedDbtError("dbt-core is not installed in the runner's image") from fault
    if not is_tested(found):
        raise UnsupportedDbtError(f"dbt-core {found} is installed; this runner works with {WANTED} only")


def is_tested(found: str) -> bool:
    """Whether a version of dbt-core is in the tested range."""
    return tuple(int(part) for part in found.split(".")[:2] if part.isdecimal()) == TESTED


def check_surface(verb: str, original: type) -> None:
    """Raises UnsupportedDbtError, naming every difference, unless dbt's class of a verb is shaped as expected."""
    wrong = []
    for name, parameters in surface_of(verb).items():
        member = getattr(original, name, None)
        if member is None:
            wrong.append(f"{name} is missing")
        elif list(signature(member).parameters) != parameters.split():
            wrong.append(f"{name}{signature(member)} instead of ({', '.join(parameters.split())})")
    for place in NAMES:
        module, _, name = place.partition(":")
        if not hasattr(import_module(module), name):
            wrong.append(f"{place} is missing")
    if wrong:
        raise UnsupportedDbtError(
            f"dbt's class for `dbt {verb}` differs from the tested one: {'; '.join(wrong)}"
        )


def surface_of(verb: str) -> dict[str, str]:
    """What is leant on of dbt's class of this verb: attribute -> its parameters."""
    return SURFACE | OWN_SURFACE.get(verb, {})
