"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The data directory (default: the setting data_dir, .karya)."),
]
Url = Annotated[
    str | None,
    typer.Option("--url", help="The gateway (default: that of the cluster in the data directory)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
JobId = Annotated[str, typer.Argument(metavar="ID", help="The id that `karya submit` printed.")]
