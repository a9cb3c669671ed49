"""`karya letters`: dead letters listed, shown, redriven and discarded."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import quote

import typer

from karya.cli.calls import ask
from karya.cli.options import DataDir, Json, Url
from karya.cli.output import failure_text, say, say_json, show_rows
from karya.core.errors import InvalidInput

app = typer.Typer(help="Dead letters: tasks whose retries are used up.", no_args_is_help=True)

_LETTERS = "/v1/dead-letters"
_DONE = {"redrive": "redriven", "discard": "discarded"}
_Job = Annotated[str | None, typer.Option("--job", help="Only those of this job.")]
_Text = Annotated[str | None, typer.Option("--text", help="Only those whose error holds this text.")]
_TaskId = Annotated[str | None, typer.Argument(metavar="[TASK]", help="The id of one dead letter.")]
_All = Annotated[bool, typer.Option("--all", help="All that match, in place of one.")]


@app.command("list")
def list_letters(
    job: _Job = None,
    text: _Text = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many at most.")] = 20,
    cursor: Annotated[str | None, typer.Option(help="next_cursor of the page before (see --json).")] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List dead letters, the latest first."""
    query = {"job_id": job, "text": text, "limit": str(limit), "cursor": cursor}
    page = ask(url, data_dir, "GET", _LETTERS, query=query)
    if as_json:
        say_json(page)
        return
    columns = ("task", "job", "step", "died at", "attempts", "error")
    show_rows(columns, map(_row, page["tasks"]), "no dead letters")


def _row(task: Mapping[str, Any]) -> tuple[str, ...]:
    died = (task["finished_at"], str(task["attempts"]), " ".join((task["error"] or "").split()))
    return (task["id"], task["job_id"], task["step"], *died)


@app.command()
def show(
    task_id: Annotated[str, typer.Argument(metavar="TASK", help="The id of the dead letter.")],
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show a dead letter with the story of its attempts."""
    story = ask(url, data_dir, "GET", f"/v1/tasks/{quote(task_id, safe='')}")
    if as_json:
        say_json(story)
        return
    task = story["task"]
    say(f"{task['id']}  {task['status']}  {task['reason'] or ''}".rstrip())
    say(f"{task['step']} of job {task['job_id']}, instant {task['instant']}")
    for error in story["errors"]:
        say(f"{error['at']}  {failure_text(error)}")


@app.command()
def redrive(
    task_id: _TaskId = None,
    job: _Job = None,
    text: _Text = None,
    everything: _All = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give one dead letter, or all that match, a new set of attempts."""
    _move("redrive", task_id, job, text, everything, url, data_dir, as_json)


@app.command()
def discard(
    task_id: _TaskId = None,
    job: _Job = None,
    text: _Text = None,
    everything: _All = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give one dead letter, or all that match, up."""
    _move("discard", task_id, job, text, everything, url, data_dir, as_json)


def _move(
    verb: str,
    task_id: str | None,
    job: str | None,
    text: str | None,
    everything: bool,
    url: Any,
    data_dir: Any,
    as_json: bool,
) -> None:
    """One by its id, or many by what they have in common; never everything by accident."""
    if task_id is not None:
        answer = ask(url, data_dir, "POST", f"{_LETTERS}/{quote(task_id, safe='')}/{verb}")
    elif everything or job or text:
        wanted = {name: value for name, value in {"job_id": job, "text": text}.items() if value}
        answer = ask(url, data_dir, "POST", f"{_LETTERS}/{verb}", wanted)
    else:
        raise InvalidInput.at("", f"name a dead letter, or say which to {verb}: --job, --text or --all")
    if as_json:
        say_json(answer)
    elif "count" in answer:
        many = "1 dead letter" if answer["count"] == 1 else f"{answer['count']} dead letters"
        say(f"{many} {_DONE[verb]}")
    else:
        say(f"{answer['task']['id']}  {answer['task']['status']}")
