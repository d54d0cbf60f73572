"""`headgate doctor` and `headgate version`: is this machine ready?"""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from headgate_cli.faults import NOT_CONFIGURED
from headgate_cli.output import escaped, print_json, print_table, say, table
from headgate_cli.world import LOCAL_FILE, choose_stack, local_root

_TESTED_DBT = (1, 11)
_LOOKS = {"ok": "[green]✓ ok[/]", "warn": "[yellow]! warn[/]", "error": "[red]✕ error[/]"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. state: ok, warn or error; advice: what to do about it."""

    name: str
    state: str
    found: str
    advice: str = ""


def version(as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False) -> None:
    """Headgate's version, and dbt's beside it."""
    headgate, dbt = _version("headgate"), _version("dbt-core")
    if as_json:
        print_json({"headgate": headgate, "dbt": dbt, "python": sys.version.split()[0]})
    else:
        found = {"headgate": headgate, "dbt": dbt, "python": sys.version.split()[0]}
        say(" · ".join(f"{name} {number or '(not installed)'}" for name, number in found.items()))


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print an object.")] = False) -> None:
    """Check Python, dbt and the stack that commands here would speak to."""
    checks = list(_checks())
    if as_json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        shown = table("check", "state", "found", "")
        for check in checks:
            shown.add_row(check.name, _LOOKS[check.state], escaped(check.found), escaped(check.advice))
        print_table(shown)
    if any(check.state == "error" for check in checks):
        raise typer.Exit(NOT_CONFIGURED)


def _checks() -> Iterator[Check]:
    found = sys.version.split()[0]
    fits = sys.version_info >= (3, 11)
    yield Check("python", "ok" if fits else "error", found, "" if fits else "3.11 or newer is needed")
    yield _dbt()
    yield _adapters()
    yield _stack()


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _dbt() -> Check:
    found = _version("dbt-core")
    if found is None:
        return Check("dbt", "error", "not installed", "pip install 'dbt-core~=1.11.0'")
    if not (Path(sys.executable).parent / "dbt").exists():
        return Check("dbt", "error", found, f"there is no dbt command beside {sys.executable}")
    release = tuple(int(part) for part in found.split(".")[:2] if part.isdigit())
    if release > _TESTED_DBT:
        return Check(
            "dbt", "warn", found,
            "newer than tested: the shared queue needs 1.11; and dbt-core 1.12 downloads a binary from GitHub while "
            "it is installed, which fails behind most proxies. Pin dbt-core~=1.11.0",
        )  # fmt: skip
    if release < _TESTED_DBT:
        return Check("dbt", "warn", found, "older than tested: pin dbt-core~=1.11.0")
    return Check("dbt", "ok", found)


def _adapters() -> Check:
    names = (str(package.metadata["Name"]) for package in metadata.distributions())
    not_adapters = {
        "dbt-core",
        "dbt-common",
        "dbt-adapters",
        "dbt-extractor",
        "dbt-protos",
        "dbt-semantic-interfaces",
    }
    found = sorted({name for name in names if name.startswith("dbt-") and name not in not_adapters})
    if not found:
        return Check("adapter", "error", "none", "install your warehouse's adapter, such as dbt-postgres")
    return Check("adapter", "ok", ", ".join(f"{name} {_version(name)}" for name in found))


def _stack() -> Check:
    root = local_root()
    try:
        choose_stack()
        from headgate.bootstrap import world

        jobs = world().jobs.jobs()
    except Exception as fault:  # noqa: BLE001 - whatever is wrong with it is what this check tells
        where = f"local stack of {root}" if root else "none"
        return Check("stack", "error", where, str(fault).splitlines()[0])
    where = str(root / LOCAL_FILE) if root else f"table {world().settings.table}"
    return Check("stack", "ok", where, f"{len(jobs)} jobs applied")
