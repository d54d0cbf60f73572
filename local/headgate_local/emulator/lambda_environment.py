"""A Lambda sees what AWS would give it and what its template says, not the emulator's own environment.

ministack starts its Lambda processes with everything it has itself.
"""

import os
import subprocess
from collections.abc import Mapping
from typing import Any

from ministack.core import lambda_runtime

from headgate_local.emulator.anchors import MissingAnchorError, anchor

KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "LAMBDA_TASK_ROOT")
KEPT_PREFIXES = ("AWS_", "_LAMBDA", "_X_AMZN")


def lambda_environment(given: Mapping[str, str], emulator: Mapping[str, str]) -> dict[str, str]:
    """``given`` without what came from the emulator's environment and is none of a Lambda's business."""
    return {
        name: value
        for name, value in given.items()
        if name in KEPT or name.startswith(KEPT_PREFIXES) or emulator.get(name) != value
    }


class _Subprocess:
    """The subprocess module as lambda_runtime uses it, with a Popen that cleans the environment."""

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    @staticmethod
    def Popen(*arguments: Any, env: Mapping[str, str], **options: Any) -> Any:  # noqa: N802 - its name there
        start: Any = subprocess.Popen
        return start(*arguments, env=lambda_environment(env, os.environ), **options)


def install() -> None:
    if anchor(lambda_runtime, "subprocess") is not subprocess:
        raise MissingAnchorError("lambda_runtime.subprocess is no longer the standard module")
    lambda_runtime.subprocess = _Subprocess()
