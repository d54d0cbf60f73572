"""Edits of the project `kinds`, one after the other: whatever `state:` may notice, or must not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

Edit = Callable[[Path], None]
SCHEMA = "models/schema.yml"
MORE = "models/more.yml"
MACROS = "macros/more.sql"

# What the fixture lacks: macros that call macros, persisted descriptions, contracts, Python, an external source.
MORE_FILES = {
    MACROS: """\
{% macro outer(column) %}{{ inner(column) }}{% endmacro %}
{% macro inner(column) %}coalesce({{ column }}, 0){% endmacro %}
{% macro spare() %}7{% endmacro %}
{% test positive(model, column_name) %}select * from {{ model }} where {{ outer(column_name) }} < 0{% endtest %}
""",
    "models/wide/documented.sql": "select {{ outer('id') }} as id from {{ ref('base_orders') }}\n",
    "models/wide/agreed.sql": "select 1 as id, 'x' as name\n",
    "models/wide/alone.sql": "select {{ spare() }} as id\n",
    "models/wide/frame.py": """\
def model(dbt, session):
    dbt.config(materialized='table')
    return dbt.ref('agreed')
""",
    "models/wide/settled_v1.sql": "select 1 as id\n",
    "models/wide/settled_v2.sql": "select 1 as id, 2 as other\n",
    MORE: """\
models:
  - name: documented
    description: All that is known.
    config: {persist_docs: {relation: true, columns: true}}
    columns: [{name: id, description: The key., data_tests: [positive]}]
  - name: agreed
    description: Not persisted.
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: integer}, {name: name, data_type: text}]
  - name: settled
    latest_version: 1
    config: {contract: {enforced: true}}
    columns: [{name: id, data_type: integer}]
    versions:
      - {v: 1}
      - {v: 2, columns: [{include: all}, {name: other, data_type: integer}]}
sources:
  - name: lake
    database: "{{ env_var('LAKE_DATABASE', 'swamp') }}"
    schema: landing
    tables:
      - name: files
        external: {location: "s3://lake/files", file_format: csv, partitions: [{name: day, data_type: date}]}
""",
}


def more(project: Path) -> None:
    """Add `MORE_FILES`."""
    for name, text in MORE_FILES.items():
        write(name, text)(project)


def write(name: str, text: str) -> Edit:
    def edit(project: Path) -> None:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)

    return edit


def swap(name: str, *changes: tuple[str, str]) -> Edit:
    """Replace texts that must be there."""

    def edit(project: Path) -> None:
        text = (project / name).read_text()
        for old, new in changes:
            assert old in text, f"{old!r} is not in {name}"
            text = text.replace(old, new, 1)
        (project / name).write_text(text)

    return edit


def append(name: str, text: str) -> Edit:
    def edit(project: Path) -> None:
        (project / name).write_text((project / name).read_text() + text)

    return edit


def rename(name: str, other: str) -> Edit:
    def edit(project: Path) -> None:
        (project / other).parent.mkdir(parents=True, exist_ok=True)
        (project / name).rename(project / other)

    return edit


def remove(name: str) -> Edit:
    return lambda project: (project / name).unlink()


def all_of(*edits: Edit) -> Edit:
    def edit(project: Path) -> None:
        for one in edits:
            one(project)

    return edit


PROJECT = "dbt_project.yml"
HOOK = 'on-run-start: ["select 1"]'
UNRENDERED = "state_modified_compare_more_unrendered_values"
# In this order. Each is compared with the project just before it, and with the project before all of them.
EDITS: dict[str, Edit] = {
    "nothing": lambda _: None,
    "a model's code": append("models/base/base_orders.sql", "where true\n"),
    "a comment in a model": append("models/wide/deep/customers_v2.sql", "-- people\n"),
    "white space in a model": append("models/wide/report.sql", "\n\n"),
    "a macro two levels deep": swap(MACROS, ("coalesce({{ column }}, 0)", "coalesce({{ column }}, 1)")),
    "a comment in a macro": swap(
        MACROS, ("{% macro inner(column) %}", "{% macro inner(column) %}{# deep #}")
    ),
    "a macro that nobody calls": append(MACROS, "{% macro idle() %}1{% endmacro %}\n"),
    "a macro that nobody calls is called": swap("models/wide/alone.sql", ("spare()", "idle()")),
    "a macro is removed": swap(MACROS, ("{% macro spare() %}7{% endmacro %}\n", "")),
    # Only a full parse sees these two; another dbt_project.yml asks for one.
    "a test of dbt's is replaced": all_of(
        append(PROJECT, "# one\n"),
        write(
            "macros/null.sql",
            "{% test not_null(model, column_name) %}"
            "select * from {{ model }} where {{ column_name }} is null{% endtest %}",
        ),
    ),
    "and is dbt's again": all_of(append(PROJECT, "# two\n"), remove("macros/null.sql")),
    "a generic test's macro": swap(MACROS, ("< 0{% endtest", "<= 0{% endtest")),
    "materialized of a folder": swap(PROJECT, ("materialized: table", "materialized: view")),
    "tags of a folder": swap(PROJECT, ("+tags: [base]", "+tags: [base, new]")),
    "meta of a package": swap(PROJECT, ("+tags: [tools]", "+tags: [tools]\n    +meta: {x: 1}")),
    "a variable": append(PROJECT, "vars: {depth: 1}\n"),
    "the hook of the project": swap(PROJECT, (HOOK, 'on-run-start: ["select 2"]')),
    "a persisted description": swap(MORE, ("All that is known.", "All.")),
    "a persisted description of a column": swap(MORE, ("The key.", "Key.")),
    "a description that is not persisted": swap(MORE, ("Not persisted.", "Only in the docs.")),
    "descriptions are persisted": swap(
        MORE,
        ("{contract: {enforced: true}}", "{contract: {enforced: true}, persist_docs: {columns: true}}"),
    ),
    "the docs of a model": swap(MORE, ("description: All.", "description: All.\n    docs: {show: false}")),
    "a column more in a contract": swap(
        MORE, ("{name: name, data_type: text}", "{name: name, data_type: text}, {name: at, data_type: date}")
    ),
    "another size in a contract": swap(MORE, ("data_type: text", "data_type: varchar(10)")),
    "a contract is broken": swap(MORE, ("{name: at, data_type: date}", "{name: at, data_type: text}")),
    "the columns of a contract in another order": swap(
        MORE,
        (
            "{name: id, data_type: integer}, {name: name, data_type: varchar(10)}",
            "{name: name, data_type: varchar(10)}, {name: id, data_type: integer}",
        ),
    ),
    "a contract is given up": swap(
        MORE, ("{contract: {enforced: true}, p", "{contract: {enforced: false}, p")
    ),
    "a contract with a type wider": swap(
        SCHEMA,
        (
            "contract: {enforced: false}}\n    columns: [{name: id}]",
            "contract: {enforced: true}}\n    columns: [{name: id, data_type: int}]",
        ),
    ),
    "the latest version": swap(SCHEMA, ("latest_version: 2", "latest_version: 3")),
    "a version more": all_of(
        swap(SCHEMA, ("      - {v: 2}\n", "      - {v: 2}\n      - {v: 4}\n")),
        write("models/wide/deep/customers_v4.sql", "select 4 as id"),
    ),
    "a date of deprecation": swap(
        SCHEMA, ("      - {v: 2}\n", "      - {v: 2, deprecation_date: 2040-01-01}\n")
    ),
    "a group": swap(SCHEMA, ("{group: finance, access: protected", "{group: growth, access: protected")),
    "access": swap(SCHEMA, ("{group: growth, access: protected", "{group: growth, access: public")),
    "an alias": append("models/wide/tooled.sql", "{{ config(alias='tools') }}"),
    "a schema": swap("models/wide/tooled.sql", ("alias='tools'", "alias='tools', schema='kit'")),
    "a database": swap("models/wide/tooled.sql", ("schema='kit'", "schema='kit', database='nothing'")),
    "hooks and grants": swap(
        "models/wide/tooled.sql",
        ("alias=", "pre_hook='select 1', post_hook=['select 2'], grants={'select': ['reader']}, alias="),
    ),
    "a key of one's own": swap(
        "models/wide/tooled.sql", ("alias=", "unheard_of={'a': [1, 2.5, none]}, alias=")
    ),
    "a model's config in Jinja": swap("models/wide/tooled.sql", ("'kit'", "var('kit', 'kit')")),
    "a Python model": swap("models/wide/frame.py", ("return dbt", "# nothing else\n    return dbt")),
    "a model in another folder": rename("models/base/blank.sql", "models/wide/blank.sql"),
    "a model is renamed": rename("models/wide/alone.sql", "models/wide/lonely.sql"),
    "a model is removed": remove("models/wide/lonely.sql"),
    "a new model, seed and snapshot": all_of(
        write("models/wide/added.sql", "select {{ outer('id') }} from {{ ref('colours') }}"),
        write("seeds/colours.csv", "id\n1\n"),
        write(
            "snapshots/colours.yml",
            "snapshots: [{name: colours_then, relation: ref('colours'), "
            "config: {unique_key: id, strategy: check, check_cols: [id]}}]\n",
        ),
    ),
    "a model is switched off": append("models/wide/added.sql", "{{ config(enabled=false) }}"),
    "a model is switched on": swap("models/base/switched_off.sql", ("false", "true")),
    "a seed": append("seeds/countries.csv", "2,Chile\n"),
    "a seed's config": swap("seeds/seeds.yml", ("tags: [base]", "column_types: {id: bigint}, tags: [base]")),
    "a seed too big to be compared": append(
        "seeds/colours.csv", "".join(f"{n:07}\n" for n in range(140_000))
    ),
    "a seed that is still too big": append("seeds/colours.csv", "0\n"),
    "a big seed's path": rename("seeds/colours.csv", "seeds/all/colours.csv"),
    "a snapshot": swap("snapshots/orders_history.yml", ("check_cols: all", "check_cols: [id]")),
    "a snapshot's name in the warehouse": swap(
        "snapshots/orders_history.yml", ("check_cols", "alias: then, check_cols")
    ),
    "a source's freshness": swap(SCHEMA, ("warn_after: {count: 1", "warn_after: {count: 2")),
    "a source without freshness": swap(
        SCHEMA, ("      - name: refunds\n", "      - name: refunds\n        freshness: null\n")
    ),
    "a source's freshness of old": swap(
        SCHEMA, ("freshness: null", "freshness: {warn_after: {count: 1, period: day}}")
    ),
    "a source's loaded_at_field": swap(SCHEMA, ("loaded_at_field: at", "loaded_at_field: loaded_at")),
    "a source's identifier": swap(
        MORE, ("      - name: files\n", "      - name: files\n        identifier: all_files\n")
    ),
    "a source's schema": swap(MORE, ("schema: landing", "schema: landed")),
    "a source's place in Jinja": swap(MORE, ("'swamp'", "'lake'")),
    "a source's place in other Jinja": swap(MORE, ("'lake')", "'la' ~ 'ke')")),
    "a source's quoting": swap(MORE, ("schema: landed", "schema: landed\n    quoting: {identifier: true}")),
    "an external source": swap(MORE, ("file_format: csv", "file_format: parquet")),
    "tags of a source": swap(SCHEMA, ("{tags: [raw],", "{tags: [raw, more],")),
    "a description of a source": swap(
        MORE, ("identifier: all", "description: Files.\n        identifier: all")
    ),
    "a new source": swap(
        SCHEMA, ("      - {name: unused,", "      - {name: returns}\n      - {name: unused,")
    ),
    "an exposure's owner": swap(SCHEMA, ("{name: Ada, email: ada@", "{name: Bob, email: bob@")),
    "an exposure's tags": swap(SCHEMA, ("{tags: [board]}", "{tags: [board, all]}")),
    "an exposure's parents": swap(
        SCHEMA, ("[\"ref('order_facts')\"]", "[\"ref('order_facts')\", \"ref('report')\"]")
    ),
    "an exposure's words": swap(
        SCHEMA,
        (
            "    type: application\n",
            "    type: application\n    maturity: high\n    url: https://example.com\n",
        ),
    ),
    "a new exposure": swap(
        SCHEMA, ("  - name: ledger\n", "  - {name: added, type: ml, owner: {name: Ada}}\n  - name: ledger\n")
    ),
    "a test's severity": swap(
        SCHEMA, ("unique: {config: {severity: warn}}", "unique: {config: {severity: error}}")
    ),
    "a test's where": swap(SCHEMA, ('where: "id > 0"', 'where: "id > 1"')),
    "a test's tags": swap(SCHEMA, ("tags: [noisy]", "tags: [noisy, old], meta: {x: 1}")),
    "a test's name in the warehouse": swap(
        SCHEMA, ("tags: [noisy", "alias: seen, schema: seen, tags: [noisy")
    ),
    "a test's arguments": swap(
        SCHEMA, ("{to: ref('base_payments'), field: id}", "{to: ref('base_payments'), field: x}")
    ),
    "a test keeps its failures": swap(SCHEMA, ("enabled: true, where", "store_failures: true, where")),
    "a singular test": append("tests/orders_have_ids.sql", " limit 1"),
    "a singular test's config": swap(
        "tests/report_agrees.sql", ("tags=['nightly']", "limit=5, tags=['nightly']")
    ),
    "a unit test's rows": swap(
        SCHEMA, ("rows: [{id: 1}]}\n      - {input", "rows: [{id: 2}]}\n      - {input")
    ),
    "a unit test's description": swap(
        SCHEMA, ("  - name: pays_twice\n", "  - name: pays_twice\n    description: Twice.\n")
    ),
    "a metric's label": swap(SCHEMA, ("label: Orders", "label: All orders")),
    "a metric's measure": swap(
        SCHEMA, ("{measure: orders}", "{measure: {name: orders, fill_nulls_with: 0}}")
    ),
    "a metric's config": swap(SCHEMA, ("{group: finance, tags: [counted]}", "{group: growth, meta: {x: 1}}")),
    "a semantic model": swap(
        SCHEMA, ("agg: count, expr: id", "agg: count, expr: id, description: How many.")
    ),
    "a semantic model's config": swap(
        SCHEMA, ("  - name: facts\n", "  - name: facts\n    config: {meta: {x: 1}}\n")
    ),
    "a saved query": swap(
        SCHEMA, ("query_params: {", "query_params: {where: [\"{{ Dimension('order__id') }} > 0\"], ")
    ),
    "a saved query's export": swap(SCHEMA, ("{export_as: table}", "{export_as: table, alias: by_day}")),
    "a saved query's tags": swap(
        SCHEMA, ("{tags: [saved]}", "{tags: [saved, again], cache: {enabled: true}}")
    ),
    "a function's code": write("functions/double_it.sql", "x + x\n"),
    "a function's arguments": swap(
        "functions/functions.yml", ("{name: x, data_type: integer}", "{name: x, data_type: bigint}")
    ),
    "a function's result": swap(
        "functions/functions.yml", ("returns: {data_type: integer", "returns: {data_type: bigint")
    ),
    "a function's config": swap(
        "functions/functions.yml", ("{tags: [tools]}", "{tags: [kit], volatility: stable}")
    ),
    "an analysis": append("analyses/look.sql", " limit 10"),
    "a package's model": append("packages/toolbox/models/shared_name.sql", "where true"),
    "unrendered values are compared": append(PROJECT, f"flags: {{{UNRENDERED}: true}}\n"),
    "a source's place in Jinja, unrendered": swap(MORE, ("'la' ~ 'ke')", "'lake' | lower)")),
    "a config in Jinja, unrendered": swap("models/wide/tooled.sql", ("var('kit', 'kit')", "'kit' | lower")),
}
# The project says from this edit on that dbt compares a source's database and schema as they are written.
UNRENDERED_SINCE = "unrendered values are compared"
# dbt refuses to compare with what this breaks, and ends.
BREAKING: Edit = swap(
    MORE,
    (
        "    columns: [{name: id, data_type: integer}]\n    versions",
        "    columns: [{name: id, data_type: text}]\n    versions",
    ),
)
