"""Plain dbt, one invocation after another in one process. A script.

    python plain_dbt.py PROJECT TARGET

Each line of its input, a JSON object with `command` (a list, without "dbt") and `variables` (of the environment), is
answered by a JSON line with the `results` of run_results.json and the name of the `exception`, if there was one.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from dbt.cli.main import dbtRunner

ANSWERS = sys.stdout


def invoke(command: list[str], places: list[str], artifact: Path) -> dict[str, object]:
    flags = ["--no-send-anonymous-usage-stats", "--quiet", "--no-version-check", "--no-use-colors"]
    before = artifact.stat().st_mtime_ns if artifact.exists() else None
    outcome = dbtRunner().invoke([*flags, *command, *places])
    written = artifact.exists() and artifact.stat().st_mtime_ns != before
    results = json.loads(artifact.read_text())["results"] if written else None
    return {"results": results, "exception": repr(outcome.exception) if outcome.exception else None}


def main(project: str, target: str) -> None:
    sys.stdout = sys.stderr  # dbt's own output must not mix with the answers
    names = {"project-dir": project, "profiles-dir": project, "target-path": target, "log-path": target}
    places = [word for name, path in names.items() for word in (f"--{name}", path)]
    kept = dict(os.environ)
    for line in sys.stdin:
        asked = json.loads(line)
        os.environ.clear()
        os.environ.update(kept | asked["variables"])
        answer = invoke(asked["command"], places, Path(target) / "run_results.json")
        print(json.dumps(answer), file=ANSWERS, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
