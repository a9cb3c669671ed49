"""The commands that steer a job: cancel, pause, resume, trigger, skip, update."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from karya.cli.calls import gateway
from karya.cli.options import DataDir, JobId, Json, Key, Url
from karya.cli.output import job_line, say, say_json, wire
from karya.cli.reading import parse_mapping, read_text
from karya.core.errors import FieldError, InvalidInput

if TYPE_CHECKING:
    from karya.core.keywords import JobChanges

_Version = Annotated[
    int | None, typer.Option(metavar="N", help="Only if the job is still at this version; else exit code 7.")
]

_OF_THE_CALL: Mapping[str, str] = {
    "version": "unknown field; --version N says which version is to be changed",
    "job_id": "unknown field; the id stands before the file",
    "self": "unknown field",
}
"""Parameters of the client's `update`, which are no fields of a job."""


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
    changes = _changes(file)
    with gateway(url, data_dir) as client:
        _print_job(wire(client.update(job_id, version=version, **changes)), as_json)


def _changes(file: str) -> "JobChanges":
    """Raises InvalidInput; of fields that a job does not have for those alone that the call has: the gateway
    names the others."""
    changes = parse_mapping(read_text(file), "changes are a mapping with the fields to change", file)
    if taken := [name for name in _OF_THE_CALL if name in changes]:
        raise InvalidInput(FieldError(name, _OF_THE_CALL[name]) for name in taken)
    return cast("JobChanges", changes)


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
