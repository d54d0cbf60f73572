"""Compile every requirements.in to a requirements.txt with hashes and without index addresses.

tests/requirements.in is resolved first and constrains the others, so that the layer, the runner image and
the command line ship exactly what the tests ran with.
"""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
UV = ROOT / ".venv" / "bin" / "uv"
OPTIONS = [
    "--quiet", "--universal", "--python-version", "3.11", "--generate-hashes",
    "--no-emit-index-url", "--no-emit-find-links", "--no-header",
]  # fmt: skip
WHOLE = Path("tests/requirements.in")
PARTS = [Path("layers/core/requirements.in"), Path("runner/requirements.in"), Path("cli/requirements.in")]
APART = [
    Path("local/requirements.in"),
    Path(".ci/requirements-sam.in"),
    Path("benchmarks/requirements-dagster.in"),
    Path("tests/dbt-1.10.in"),
]


def compile_requirements(source: Path, *extra: str) -> None:
    target = source.with_suffix(".txt")
    subprocess.run([UV, "pip", "compile", *OPTIONS, source, "-o", target, *extra], cwd=ROOT, check=True)


def main() -> int:
    compile_requirements(WHOLE)
    for part in PARTS:
        compile_requirements(part, "-c", str(WHOLE.with_suffix(".txt")))
    for source in APART:
        compile_requirements(source)
    return 0


if __name__ == "__main__":
    sys.exit(main())
