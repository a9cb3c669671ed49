"""The commands that look at jobs and tasks."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from karya.cli.calls import gateway
from karya.cli.exits import Exit, TimedOut
from karya.cli.options import Cursor, DataDir, Instants, JobId, Json, Limit, TaskId, Url, UserId
from karya.cli.output import (
    failure_text,
    job_line,
    make_table,
    note,
    print_table,
    say,
    say_json,
    show_instants,
    show_jobs,
    show_rows,
    show_summary,
    tasks_table,
    tell_more,
    wire,
)
from karya.cli.watching import EVERY, Every, Watch, shown

_STATES = ("ACTIVE", "PAUSED", "COMPLETED", "CANCELLED")
_ENDED = ("COMPLETED", "CANCELLED")


def jobs(
    limit: Limit = 20,
    status: Annotated[
        str | None,
        typer.Option(
            help="Only those ACTIVE, PAUSED, COMPLETED or CANCELLED.", autocompletion=lambda: list(_STATES)
        ),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only those with this tag.")] = None,
    name: Annotated[str | None, typer.Option(help="Only the one with this name.")] = None,
    label: Annotated[
        str | None, typer.Option("--set", metavar="NAME", help="Only those that were applied as this set.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="Only those whose description holds this.")] = None,
    created_after: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only those submitted at or after this instant.")
    ] = None,
    created_before: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only those submitted before this instant.")
    ] = None,
    user_id: UserId = None,
    cursor: Cursor = None,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List jobs, the newest first."""
    wanted = {"status": status, "tag": tag, "name": name, "set": label, "text": text, "user_id": user_id}
    when = {"created_after": created_after, "created_before": created_before}
    with gateway(url, data_dir) as client:
        shown(
            lambda: wire(client.list(limit=limit, cursor=cursor, **wanted, **when)),
            show_jobs,
            as_json=as_json,
            watch=watch,
            every=every,
        )


def job(
    job_id: JobId,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show a job: its counts, its latest tasks with their lateness, its latest errors.

    With --watch until it has ended.
    """
    with gateway(url, data_dir) as client:
        shown(
            lambda: wire(client.summary(job_id)),
            show_summary,
            as_json=as_json,
            watch=watch,
            every=every,
            until=lambda seen: seen["job"]["status"] in _ENDED,
        )


def tasks(
    job_id: JobId,
    limit: Limit = 20,
    cursor: Cursor = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the tasks of a job, hooks included, the latest instant first."""
    with gateway(url, data_dir) as client:
        page = wire(client.tasks(job_id, cursor=cursor, limit=limit))
    if as_json:
        say_json(page)
        return
    print_table(tasks_table(page["tasks"], whole_ids=True))
    tell_more(page)


def task(task_id: TaskId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show a task with the story of its attempts."""
    with gateway(url, data_dir) as client:
        story = wire(client.task(task_id))
    if as_json:
        say_json(story)
        return
    task = story["task"]
    say(f"{task['id']}  {task['status']}  {task['reason'] or ''}".rstrip())
    say(f"{task['step']} of job {task['job_id']}, instant {task['instant']}")
    for error in story["errors"]:
        say(f"{error['at']}  {failure_text(error)}")


def following(
    job_id: JobId, limit: Instants = 10, url: Url = None, data_dir: DataDir = None, as_json: Json = False
) -> None:
    """Show the next instants of a job."""
    with gateway(url, data_dir) as client:
        found = wire(client.occurrences(job_id, limit))
    (say_json if as_json else show_instants)(found)


def history(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show what was changed, paused, resumed and skipped of a job, the latest first."""
    with gateway(url, data_dir) as client:
        found = wire(client.versions(job_id))
    if as_json:
        say_json(found)
        return
    changes = ((change["at"], change["kind"], str(change["version"])) for change in found["changes"])
    show_rows(("at", "what", "version"), changes, "no history")
    if found["skipped"]:
        rows = ((s["first"], s["last"], str(s["count"]), s["reason"]) for s in found["skipped"])
        show_rows(("first skipped", "last", "instants", "description"), rows, "")


def why(job_id: JobId, url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Say for each open task of a job what exactly it waits for."""
    with gateway(url, data_dir) as client:
        view = wire(client.why(job_id))
    if as_json:
        say_json(view)
        return
    say(f"{job_id}  {view['text']}")
    if view["tasks"]:
        table = make_table("task", "step", "instant", "waits for", "description")
        for wait in view["tasks"]:
            table.add_row(wait["task_id"][:8], wait["step"], wait["instant"], wait["kind"], wait["text"])
        print_table(table)


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
