"""The arrows between the layers point inwards; see docs/architecture.md."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[2] / "layers" / "core" / "headgate"
STDLIB_OF_THE_WORLD = {"os", "time", "subprocess", "socket", "urllib", "random", "tempfile", "shutil"}
LIBRARIES = {
    "domain": {"pydantic", "msgspec", "networkx", "cronsim", "zoneinfo"},
    "usecases": set(),
}
# Who may know which library: msgspec carries what a bundle's index holds.
ONLY_IN = {
    "networkx": {"graph"},
    "cronsim": {"cron"},
    "msgspec": {"entry", "reading", "signing", "macros", "index", "code", "signature"},
}


def imports(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file} uses a relative import"
            yield node.module or ""


def modules(layer: str) -> list[Path]:
    found = sorted((CORE / layer).rglob("*.py"))
    assert found, f"no modules in {layer}"
    return found


@pytest.mark.parametrize("file", modules("domain"), ids=lambda path: path.stem)
def test_the_domain_knows_only_itself(file: Path) -> None:
    for name in imports(file):
        top = name.split(".")[0]
        assert top not in STDLIB_OF_THE_WORLD, f"{name} touches the world"
        assert not name.startswith("headgate") or name.startswith(("headgate.domain", "headgate.errors")), (
            name
        )
        if top in ONLY_IN:
            assert file.stem in ONLY_IN[top], f"{top} belongs to {ONLY_IN[top]}"


@pytest.mark.parametrize("file", modules("usecases"), ids=lambda path: path.stem)
def test_use_cases_know_ports_and_domain(file: Path) -> None:
    inward = ("headgate.domain", "headgate.errors", "headgate.ports", "headgate.usecases")
    for name in imports(file):
        assert not name.startswith("headgate") or name.startswith(inward), name
        assert not name.startswith(("boto3", "botocore", "urllib3", "dbt")), name
        assert name.split(".")[0] not in STDLIB_OF_THE_WORLD, name


@pytest.mark.parametrize("file", modules("adapters"), ids=lambda path: path.stem)
def test_adapters_know_no_use_case_and_no_entry_point(file: Path) -> None:
    for name in imports(file):
        assert not name.startswith(("headgate.usecases", "headgate.bootstrap", "headgate_")), name


def test_only_bootstrap_chooses_adapters_and_only_settings_reads_the_environment() -> None:
    for file in CORE.rglob("*.py"):
        relative = file.relative_to(CORE).as_posix()
        if relative != "bootstrap.py" and not relative.startswith("adapters/"):
            assert not any(name.startswith("headgate.adapters") for name in imports(file)), relative
        if relative != "settings.py":
            assert "os.environ" not in file.read_text(), f"{relative} reads the environment"


def test_bootstrap_imports_no_use_case() -> None:
    assert not any(name.startswith("headgate.usecases") for name in imports(CORE / "bootstrap.py"))
