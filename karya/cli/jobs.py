"""`karya submit`, `karya job`, `karya cancel` and `karya jobs`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from karya.cli.calls import ask, job_path
from karya.cli.options import DataDir, JobId, Json, Url
from karya.cli.output import job_line, note, say, say_json, show_jobs, show_summary
from karya.core.errors import ConfigError, InvalidInput

_LIMIT = 20


def submit(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A job as JSON or YAML; - is standard input.")],
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Submit a job; when this returns, the job is durable."""
    spec = parse_spec(read_text(file))
    job = ask(url, data_dir, "POST", "/v1/jobs", spec)
    _print(job, as_json)
    for warning in [] if as_json else job["warnings"]:
        note(f"karya: {warning}")


def job(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show a job: its counts, its latest tasks with their lateness, its latest errors."""
    summary = ask(url, data_dir, "GET", f"{job_path(job_id)}/summary")
    (say_json if as_json else show_summary)(summary)


def cancel(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Cancel a job; when this returns, no further attempt of it starts."""
    _print(ask(url, data_dir, "POST", f"{job_path(job_id)}/cancel"), as_json)


def jobs(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = _LIMIT,
    status: Annotated[
        str | None, typer.Option(help="Only those ACTIVE, PAUSED, COMPLETED or CANCELLED.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those whose description holds this.")] = None,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before (see --json).")] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    query = {"limit": str(limit), "status": status, "tag": tag, "text": text, "cursor": cursor}
    page = ask(url, data_dir, "GET", "/v1/jobs", query=query)
    (say_json if as_json else show_jobs)(page)


def parse_spec(text: str) -> dict[str, Any]:
    """A job from JSON or YAML text, as plain data. Raises InvalidInput when it is none."""
    return parse_mapping(text, "a job is a mapping with at least an action or steps")


def parse_mapping(text: str, otherwise: str) -> dict[str, Any]:
    """A mapping from JSON or YAML text, as plain data. Raises InvalidInput, with these words for what is
    no mapping."""
    try:
        spec = _parsed(text)
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput.at("", f"neither JSON nor YAML that JSON can say: {error}") from None
    if not isinstance(spec, dict):
        raise InvalidInput.at("", otherwise)
    return spec


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        if text.lstrip().startswith("{"):
            raise
    return _yaml(text)


def _yaml(text: str) -> Any:
    import yaml

    from karya.core.documents import PlainLoader

    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def read_text(file: str) -> str:
    """The text of a file, or of standard input for "-". Raises ConfigError when it cannot be read."""
    try:
        if file == "-":
            return sys.stdin.read() if sys.stdin else ""
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None


def _print(job: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say(job_line(job))
