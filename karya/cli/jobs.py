"""`karya submit`, `karya job`, `karya cancel` and `karya jobs`."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

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
    spec = parse_spec(_read(file))
    job = _call(url, data_dir, "POST", "/v1/jobs", spec)
    _print(job, as_json)
    for warning in [] if as_json else job["warnings"]:
        note(f"karya: {warning}")


def job(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show a job: its counts, its latest tasks with their lateness, its latest errors."""
    summary = _call(url, data_dir, "GET", f"{_path(job_id)}/summary")
    (say_json if as_json else show_summary)(summary)


def cancel(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Cancel a job; when this returns, no further attempt of it starts."""
    _print(_call(url, data_dir, "POST", f"{_path(job_id)}/cancel"), as_json)


def jobs(
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = _LIMIT,
    status: Annotated[str | None, typer.Option(help="Only those ACTIVE, COMPLETED or CANCELLED.")] = None,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before (see --json).")] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    wanted = {"limit": str(limit), "status": status, "cursor": cursor}
    query = {name: value for name, value in wanted.items() if value is not None}
    page = _call(url, data_dir, "GET", "/v1/jobs", query=query)
    (say_json if as_json else show_jobs)(page)


def parse_spec(text: str) -> dict[str, Any]:
    """A job from JSON or YAML text, as plain data. Raises InvalidInput when it is neither."""
    try:
        spec = _parsed(text)
        json.dumps(spec, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput.at("", f"neither JSON nor YAML that JSON can say: {error}") from None
    if not isinstance(spec, dict):
        raise InvalidInput.at("", "a job is a mapping with at least an action")
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

    class Loader(yaml.SafeLoader):
        """Leaves instants alone: the gateway wants them as they were written."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - the name and the form are PyYAML's
            first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
            for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(text, Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None


def _read(file: str) -> str:
    try:
        if file == "-":
            return sys.stdin.read() if sys.stdin else ""
        return Path(file).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {error}") from None


def _path(job_id: str) -> str:
    return f"/v1/jobs/{quote(job_id, safe='')}"


def _call(
    url: str | None,
    data_dir: Path | None,
    method: str,
    path: str,
    body: Any = None,
    query: Mapping[str, str] | None = None,
) -> Any:
    from karya.cli.client import call, gateway_url

    return call(gateway_url(url, data_dir), method, path, body, query)


def _print(job: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(job)
    else:
        say(job_line(job))
