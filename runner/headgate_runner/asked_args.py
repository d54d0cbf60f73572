"""`args` of a step's invocation.json: what the job asked for, and nothing of what a runner itself tells dbt.

`dbt retry` takes over every argument that it finds: with a runner's own ones, a person's retry would print nothing,
write no artifacts and look for folders that are gone.
"""

from collections.abc import Mapping
from typing import Any

from headgate.domain.plan import Plan

OWN_ARGS = frozenset(
    {
        "project_dir", "profiles_dir", "target_path", "log_path", "log_format", "log_level", "log_level_file",
        "print", "use_colors", "write_json", "version_check", "send_anonymous_usage_stats", "state", "output",
    }
)  # fmt: skip


def asked_args(args: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """args: as dbt would write them into run_results.json, of any runner and any attempt of the step."""
    command = plan.command
    asked = {name: value for name, value in args.items() if name not in OWN_ARGS}
    if command.is_graph:
        # A runner fails fast in a way of its own, and a second attempt of a dbt command selects what is left.
        asked |= {"which": command.verb, "select": list(command.select), "exclude": list(command.exclude)}
        asked["fail_fast"] = plan.fail_fast
    return asked
