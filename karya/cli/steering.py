"""The commands that steer a job: cancel, pause, resume, trigger, skip, update."""

from typing import Annotated, Any

import typer

from karya.cli.calls import gateway
from karya.cli.options import DataDir, JobId, Json, Key, Url
from karya.cli.output import job_line, say, say_json, wire
from karya.cli.reading import parse_mapping, read_text

_Version = Annotated[
    int | None, typer.Option(metavar="N", help="Only if the job is still at this version; else exit code 7.")
]


def cancel(
    job_id: JobId,
    version: _Version = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Cancel a job; when this returns, no further attempt of it starts."""
    with gateway(url, data_dir) as client:
        _print_job(wire(client.cancel(job_id, version=version)), as_json)


def pause(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Pause a job; when this returns, nothing of it starts until it is resumed."""
    with gateway(url, data_dir) as client:
        _print_job(wire(client.pause(job_id)), as_json)


def resume(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Resume a paused job; the instants that have passed are skipped, and recorded as such."""
    with gateway(url, data_dir) as client:
        _print_job(wire(client.resume(job_id)), as_json)


def trigger(
    job_id: JobId, key: Key = None, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Run one occurrence of a job now, besides its schedule."""
    with gateway(url, data_dir) as client:
        _print_occurrence(wire(client.trigger(job_id, key=key)), as_json)


def skip(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Skip the next occurrence of a job; the schedule goes on behind it."""
    with gateway(url, data_dir) as client:
        _print_occurrence(wire(client.skip_next(job_id)), as_json)


def update(
    job_id: JobId,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The fields to change, as JSON or YAML; - is standard input."),
    ],
    version: _Version = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Change a job: the fields in FILE replace its own."""
    changes = parse_mapping(read_text(file), "changes are a mapping with the fields to change", file)
    with gateway(url, data_dir) as client:
        _print_job(wire(client.update(job_id, version=version, **changes)), as_json)


def _print_job(job: Any, as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say(job_line(job))


def _print_occurrence(occurrence: Any, as_json: bool) -> None:
    if as_json:
        say_json(occurrence)
        return
    states = ", ".join(f"{task['step']} {task['status']}" for task in occurrence["tasks"])
    say(f"{occurrence['job_id']}  {occurrence['instant']}  {states}")
