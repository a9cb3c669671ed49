"""`karya letters`: dead letters listed, shown, redriven and discarded."""

from functools import partial
from typing import Annotated, Any

import typer

from karya.cli.calls import gateway
from karya.cli.completing import letter_ids, letter_jobs, letter_steps
from karya.cli.explaining import task
from karya.cli.moving import DONE, move
from karya.cli.options import Cursor, DataDir, Json, Limit, Url, UserId
from karya.cli.output import say, say_json, wire
from karya.cli.sheets import LETTERS, All, check_all, show_list
from karya.cli.watching import EVERY, Every, Watch
from karya.cli.whose import user_id_of
from karya.core.errors import InvalidInput
from karya.core.keywords import LetterFilter
from karya.core.words import how_many

app = typer.Typer(help="Dead letters: tasks whose retries are used up.", no_args_is_help=True)

_Job = Annotated[
    str | None, typer.Option("--job", help="Only those of this job.", autocompletion=letter_jobs)
]
_Text = Annotated[str | None, typer.Option("--text", help="Only those whose error holds this text.")]
_Step = Annotated[
    str | None, typer.Option("--step", help="Only those of this step.", autocompletion=letter_steps)
]
_After = Annotated[
    str | None, typer.Option("--died-after", metavar="INSTANT", help="Only those dead since then or later.")
]
_Before = Annotated[
    str | None, typer.Option("--died-before", metavar="INSTANT", help="Only those dead since before then.")
]
_TaskId = Annotated[
    str | None,
    typer.Argument(metavar="TASK", help="The id of one dead letter.", autocompletion=letter_ids),
]
_AllOfThem = Annotated[bool, typer.Option("--all", help="All that match, in place of one.")]


app.command("show")(task)


@app.command("list")
def list_letters(
    job: _Job = None,
    text: _Text = None,
    step: _Step = None,
    died_after: _After = None,
    died_before: _Before = None,
    user_id: UserId = None,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List dead letters, the latest first."""
    check_all(everything, cursor, watch)
    wanted = _query(job, text, step, died_after, died_before, user_id)
    with gateway(url, data_dir) as client:
        wanted["user_id"] = user_id_of(user_id, client)
        show_list(
            LETTERS,
            partial(client.dead_letters, cursor=cursor, limit=limit, **wanted),
            partial(client.letters, **wanted),
            everything=everything,
            as_json=as_json,
            watch=watch,
            every=every,
        )


@app.command()
def redrive(
    task_id: _TaskId = None,
    job: _Job = None,
    text: _Text = None,
    step: _Step = None,
    died_after: _After = None,
    died_before: _Before = None,
    user_id: UserId = None,
    everything: _AllOfThem = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give one dead letter, or all that match, a new set of attempts."""
    wanted = _query(job, text, step, died_after, died_before, user_id)
    _move("redrive", task_id, wanted, everything, url, data_dir, as_json)


@app.command()
def discard(
    task_id: _TaskId = None,
    job: _Job = None,
    text: _Text = None,
    step: _Step = None,
    died_after: _After = None,
    died_before: _Before = None,
    user_id: UserId = None,
    everything: _AllOfThem = False,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give one dead letter, or all that match, up."""
    wanted = _query(job, text, step, died_after, died_before, user_id)
    _move("discard", task_id, wanted, everything, url, data_dir, as_json)


def _query(
    job_id: str | None,
    text: str | None,
    step: str | None,
    died_after: str | None,
    died_before: str | None,
    user_id: str | None,
) -> LetterFilter:
    wanted: LetterFilter = {"job_id": job_id, "text": text, "step": step, "user_id": user_id}
    wanted |= {"died_after": died_after, "died_before": died_before}
    return wanted


def _move(
    verb: str,
    task_id: str | None,
    wanted: LetterFilter,
    everything: bool,
    url: Any,
    data_dir: Any,
    as_json: bool,
) -> None:
    """One by its id, or many by what they have in common; never everything by accident."""
    is_narrowed = any(wanted.values())
    if task_id is not None and (is_narrowed or everything):
        raise InvalidInput.at("", f"name one dead letter to {verb}, or say which by options, not both")
    if task_id is None and not is_narrowed and not everything:
        raise InvalidInput.at("", f"name a dead letter, or say which to {verb}: --job, --text … or --all")
    with gateway(url, data_dir) as client:
        if task_id is None:
            wanted["user_id"] = user_id_of(wanted["user_id"], client)
            _told_count(move(client, verb, wanted, quiet=as_json), verb, as_json)
            return
        story = wire(client.redrive(task_id) if verb == "redrive" else client.discard(task_id))
    if as_json:
        say_json(story)
    else:
        say(f"{story['task']['id']}  {story['task']['status']}")


def _told_count(count: int, verb: str, as_json: bool) -> None:
    if as_json:
        say_json({"count": count})
    else:
        say(f"{how_many(count, 'dead letter')} {DONE[verb]}")
