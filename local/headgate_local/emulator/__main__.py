"""``python -m headgate_local.emulator``: the emulator as one part of the local stack.

Started by the supervisor with the environment of ``headgate_local.parts``; refuses to run in any other, since
an emulator that listens to the network or holds real credentials is a danger.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

REQUIRED = {
    "BIND_HOST": "127.0.0.1",
    "IOT_MTLS_ENABLED": "0",
    "LAMBDA_EXECUTOR": "local",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def refusals(environment: Mapping[str, str]) -> list[str]:
    """What is wrong with this environment, one line each; empty when it is safe to start."""
    wrong = [
        f"{name} must be {value!r}" for name, value in REQUIRED.items() if environment.get(name) != value
    ]
    port = environment.get("GATEWAY_PORT", "")
    if environment.get("AWS_ENDPOINT_URL") != f"http://127.0.0.1:{port}":
        wrong.append("AWS_ENDPOINT_URL must be the emulator's own loopback address")
    if "AWS_PROFILE" in environment or "AWS_SHARED_CREDENTIALS_FILE" in environment:
        wrong.append("no AWS profile may reach the emulator")
    return wrong


def main() -> int:
    if wrong := refusals(os.environ):
        print("the emulator does not start:", *wrong, sep="\n  ", file=sys.stderr)
        return 2
    from headgate_local.emulator import patches, server
    from headgate_local.emulator.anchors import MissingAnchorError
    from headgate_local.emulator.runner_engine import RunnerEngine

    state = Path(os.environ["HEADGATE_LOCAL_STATE"])
    engine = RunnerEngine(
        bin_folder=Path(os.environ["HEADGATE_LOCAL_RUNNER_BIN"]),
        folder=state / "runners",
        logs=state / "logs" / "runners",
    )
    try:
        patches.install(engine, cache=state / "build" / "unpacked")
    except MissingAnchorError as missing:
        print(f"the emulator does not start: {missing}", file=sys.stderr)
        return 3
    server.run(int(os.environ["GATEWAY_PORT"]), engine)
    return 0


if __name__ == "__main__":
    sys.exit(main())
