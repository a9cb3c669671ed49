"""`karya why`, `karya task` and `karya errors`: what tasks wait for, and what went wrong with them."""

from collections.abc import Iterable
from functools import partial

from karya.cli.calls import gateway
from karya.cli.options import Cursor, DataDir, JobId, Json, Limit, TaskId, Url
from karya.cli.output import failure_text, say, wire
from karya.cli.sheets import ERRORS, WAITS, All, Item, check_all, show_list, show_parts, tell_more
from karya.cli.watching import EVERY, Every, Watch, shown

_TERMINAL = ("SUCCEEDED", "SKIPPED", "CANCELLED", "DEAD")


def why(
    job_id: JobId,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say for each open task of a job what exactly it waits for, the earliest instant first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        if everything:
            show_parts(client.why_pages(job_id), "tasks", _show_standing, WAITS.show_all, as_json=as_json)
            return
        shown(
            lambda: wire(client.why(job_id, cursor=cursor, limit=limit)),
            _show_why,
            as_json=as_json,
            watch=watch,
            every=every,
        )


def _show_standing(view: Item) -> None:
    say(f"{view['job_id']}  {view['text']}")


def _show_why(view: Item) -> None:
    _show_standing(view)
    if view["tasks"]:
        WAITS.show_page(view)


def task(
    task_id: TaskId,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show a task with its failed attempts, the latest first. With --watch until it has ended."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        if everything:
            show_parts(client.task_pages(task_id), "errors", _show_task, _show_errors, as_json=as_json)
            return
        shown(
            lambda: wire(client.task(task_id, cursor=cursor, limit=limit)),
            _show_story,
            as_json=as_json,
            watch=watch,
            every=every,
            until=lambda seen: seen["task"]["status"] in _TERMINAL,
        )


def _show_story(story: Item) -> None:
    _show_task(story)
    _show_errors(story["errors"])
    tell_more(story)


def _show_task(story: Item) -> None:
    task = story["task"]
    say(f"{task['id']}  {task['status']}  {task['reason'] or ''}".rstrip())
    say(f"{task['step']} of job {task['job_id']}, instant {task['instant']}")


def _show_errors(errors: Iterable[Item]) -> None:
    for error in errors:
        say(f"{error['at']}  {failure_text(error)}")


def errors(
    job_id: JobId,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the failed attempts at the tasks of a job, the latest first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        show_list(
            ERRORS,
            partial(client.errors, job_id, cursor=cursor, limit=limit),
            partial(client.job_errors, job_id),
            everything=everything,
            as_json=as_json,
            watch=watch,
            every=every,
        )
