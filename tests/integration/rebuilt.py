"""What a whole rebuild by plain dbt leaves: the truth that reuse is held to.

The environment's database is copied, the project is built there from end to end, and each relation is compared with
what was there before, by its rows, columns, definition and comment. What differs had to be built.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psycopg2 import sql

from tests.conftest import Postgres

SCRIPT = Path(__file__).parent / "plain_dbt.py"
# Everything of a relation that a reader can see, besides its rows.
SHAPES = """
select n.nspname || '.' || c.relname, c.relkind::text, coalesce(obj_description(c.oid), ''),
  coalesce(case when c.relkind = 'v' then pg_get_viewdef(c.oid) end, ''),
  (select string_agg(attname || ' ' || format_type(atttypid, atttypmod), ', ' order by attnum)
   from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'v', 'm') and n.nspname not in ('pg_catalog', 'information_schema')
"""
Contents = dict[str, tuple[Any, ...]]


def contents(postgres: Postgres, database: str) -> Contents:
    """`schema.name` -> its kind, comment, definition, columns, and the rows that it holds: a view holds none."""
    rows = postgres.checksums(database)
    shapes = postgres.query(database, SHAPES)
    return {name: (kind, *shape, rows[name] if kind == "r" else None) for name, kind, *shape in shapes}


def copy(postgres: Postgres, source: str, into: str) -> None:
    """Make the database `into` anew, as `source` is; nobody may be connected to that one."""
    names = {"source": sql.Identifier(source), "into": sql.Identifier(into)}
    postgres.query("postgres", sql.SQL("drop database if exists {into} with (force)").format(**names))
    postgres.query("postgres", sql.SQL("create database {into} template {source}").format(**names))


@dataclass(frozen=True)
class PlainDbt:
    """dbt without Headgate, in a process that stays warm."""

    process: subprocess.Popen[str]
    variables: Mapping[str, str]

    def __call__(self, *command: str, **variables: str) -> list[dict[str, Any]]:
        """The results of one command; raises AssertionError when dbt itself fails."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        asked = {"command": command, "variables": {**self.variables, **variables}}
        print(json.dumps(asked), file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline() or '{"exception": "dbt ended early"}')
        assert answer["exception"] is None, answer["exception"]
        found: list[dict[str, Any]] = answer["results"]
        return found


@contextmanager
def plain_dbt(project: Path, target: Path, variables: Mapping[str, str]) -> Iterator[PlainDbt]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "SHOP_"))}
    with (target.parent / f"{target.name}.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), str(project), str(target)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=kept,
            text=True,
        )
        yield PlainDbt(process, variables)
        process.communicate(timeout=60)
