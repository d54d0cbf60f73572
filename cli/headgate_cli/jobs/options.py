"""Options that several of the commands below `headgate jobs` have."""

from pathlib import Path
from typing import Annotated

import typer

FilesOption = Annotated[
    list[Path], typer.Option("--file", help="A jobs file, or a folder of them; may be given several times.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print an object.")]
OriginOption = Annotated[
    str,
    typer.Option(help="Marks what these files manage; else their project does, else the file's name."),
]
ReplacesOption = Annotated[
    list[str],
    typer.Option(
        metavar="ORIGIN", help="Take over all that this origin manages; may be given several times."
    ),
]
