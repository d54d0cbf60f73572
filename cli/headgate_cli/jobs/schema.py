"""`headgate jobs schema`: what editors need to complete and check headgate.yml."""

import sys
from typing import Annotated

import typer


def schema(
    keys: Annotated[
        bool, typer.Option("--keys", help="Print the tables of keys of the manual instead, as Markdown.")
    ] = False,
) -> None:
    """Print the JSON schema of jobs files; an editor reads it from where you put it."""
    from headgate.adapters.jobs_file.reference import reference
    from headgate.adapters.jobs_file.schema import schema_text

    sys.stdout.write(reference() if keys else schema_text())
