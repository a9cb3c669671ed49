"""The commands that steer a job: pause, resume, trigger, skip, update; and `karya why`."""

from typing import Annotated, Any

import typer

from karya.cli.calls import ask, job_path
from karya.cli.jobs import parse_mapping, read_text
from karya.cli.options import DataDir, JobId, Json, Url
from karya.cli.output import job_line, make_table, out, say, say_json


def pause(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Pause a job; when this returns, nothing of it starts until it is resumed."""
    _print_job(ask(url, data_dir, "POST", f"{job_path(job_id)}/pause"), as_json)


def resume(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Resume a paused job; the instants that have passed are skipped, and recorded as such."""
    _print_job(ask(url, data_dir, "POST", f"{job_path(job_id)}/resume"), as_json)


def trigger(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Run one occurrence of a job now, besides its schedule."""
    _print_occurrence(ask(url, data_dir, "POST", f"{job_path(job_id)}/trigger"), as_json)


def skip(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Skip the next occurrence of a job; the schedule goes on behind it."""
    _print_occurrence(ask(url, data_dir, "POST", f"{job_path(job_id)}/skip-next"), as_json)


def update(
    job_id: JobId,
    file: Annotated[
        str,
        typer.Argument(metavar="FILE", help="The fields to change, as JSON or YAML; - is standard input."),
    ],
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Change a job: the fields in FILE replace its own."""
    _print_job(
        ask(
            url,
            data_dir,
            "PATCH",
            job_path(job_id),
            parse_mapping(read_text(file), "changes are a mapping with the fields to change"),
        ),
        as_json,
    )


def why(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say for each open task of a job what exactly it waits for."""
    view = ask(url, data_dir, "GET", f"{job_path(job_id)}/why")
    if as_json:
        say_json(view)
        return
    say(f"{job_id}  {view['text']}")
    if view["tasks"]:
        table = make_table("task", "step", "instant", "waits for", "description")
        for wait in view["tasks"]:
            table.add_row(wait["task_id"][:8], wait["step"], wait["instant"], wait["kind"], wait["text"])
        out.print(table)


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
