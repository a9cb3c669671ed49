"""`karya wait`."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from karya.cli.calls import gateway
from karya.cli.exits import Exit, TimedOut
from karya.cli.options import DataDir, JobId, Json, Url
from karya.cli.output import job_line, note, say, say_json, wire


def wait(
    job_id: JobId,
    timeout: Annotated[float | None, typer.Option(min=0, help="For how many seconds at most.")] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Wait until a job has ended. Exit code 0: all its tasks succeeded, 9: not so, 10: it goes on."""
    with gateway(url, data_dir) as client:
        try:
            summary = wire(client.wait(job_id, timeout=timeout))
        except TimeoutError:
            raise TimedOut(
                f"job {job_id} has not ended after {timeout:g} s; `karya why {job_id}` says what it waits for"
            ) from None
    if as_json:
        say_json(summary)
    else:
        say(job_line(summary["job"]))
    if failed := _failed(summary):
        note(f"karya: {failed}")
        raise typer.Exit(Exit.TASKS_FAILED)


def _failed(summary: Mapping[str, Any]) -> str | None:
    dead = summary["counts"].get("DEAD", 0)
    if dead:
        ident = summary["job"]["id"]
        return f"{dead:,} of its tasks are dead; `karya letters list --job {ident}` shows them"
    return "it was cancelled" if summary["job"]["status"] == "CANCELLED" else None
