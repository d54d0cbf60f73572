"""Options that several of the commands below `headgate jobs` have."""

from pathlib import Path
from typing import Annotated

import typer

FileOption = Annotated[Path, typer.Option(help="The jobs file.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print an object.")]
