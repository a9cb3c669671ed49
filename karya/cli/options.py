"""The options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from karya.cli.completing import job_ids, job_tags, letter_ids, user_ids

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="The data directory (default: the setting data_dir, .karya)."),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url", help="The gateway (default: KARYA_URL, else that of the cluster on the data directory)."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
JobId = Annotated[
    str,
    typer.Argument(metavar="ID", help="The id that `karya submit` printed.", autocompletion=job_ids),
]
TaskId = Annotated[str, typer.Argument(metavar="TASK", help="The id of the task.", autocompletion=letter_ids)]
Limit = Annotated[int, typer.Option("--limit", min=1, max=100, help="How many at most.")]
Cursor = Annotated[
    str | None,
    typer.Option("--cursor", help="next_cursor of the page before (see --json), for what follows."),
]
UserId = Annotated[
    str | None,
    typer.Option(
        "--user",
        metavar="NAME",
        help="Only those of this user, by name or id (admins).",
        autocompletion=user_ids,
    ),
]
Tag = Annotated[str | None, typer.Option(help="Only those with this tag.", autocompletion=job_tags)]
Instants = Annotated[int, typer.Option("--limit", min=1, max=1000, help="How many instants at most.")]
Key = Annotated[
    str | None,
    typer.Option(
        "--key", help="A name of your own for this request: with the same one it is done only once."
    ),
]
File = Annotated[str, typer.Argument(metavar="FILE", help="A job as JSON or YAML; - is standard input.")]
