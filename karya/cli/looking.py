"""The commands that look at one job or one task."""

from collections.abc import Mapping
from typing import Any

from karya.cli.calls import gateway
from karya.cli.options import DataDir, Instants, JobId, Json, TaskId, Url
from karya.cli.output import failure_text, job_line, note, say, schedule_text, show_instants, wire, work_text
from karya.cli.sheets import show_latest
from karya.cli.tables import show_rows
from karya.cli.watching import EVERY, Every, Watch, shown

_ENDED = ("COMPLETED", "CANCELLED")
_TERMINAL = ("SUCCEEDED", "SKIPPED", "CANCELLED", "DEAD")


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


def show_summary(summary: Mapping[str, Any]) -> None:
    """A job with its counts, its latest tasks and its latest errors."""
    job = summary["job"]
    say(job_line(job))
    say(f"{work_text(job)}; {schedule_text(job['schedule'])}")
    counts = ", ".join(f"{number} {state}" for state, number in summary["counts"].items() if number)
    say(f"tasks: {'at least ' if summary['at_least'] else ''}{counts or 'none'}")
    if summary["tasks"]:
        show_latest(summary["tasks"], [step["name"] for step in job["steps"]])
    steps = {task["id"]: task["step"] for task in summary["tasks"]}
    for error in summary["errors"]:
        step = steps.get(error["task_id"], error["task_id"][:8])
        say(f"{error['at']}  {step}, {failure_text(error)}")


def task(
    task_id: TaskId,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show a task with the story of its attempts. With --watch until it has ended."""
    with gateway(url, data_dir) as client:
        shown(
            lambda: wire(client.task(task_id)),
            _show_story,
            as_json=as_json,
            watch=watch,
            every=every,
            until=lambda seen: seen["task"]["status"] in _TERMINAL,
        )


def _show_story(story: Mapping[str, Any]) -> None:
    task = story["task"]
    say(f"{task['id']}  {task['status']}  {task['reason'] or ''}".rstrip())
    say(f"{task['step']} of job {task['job_id']}, instant {task['instant']}")
    for error in story["errors"]:
        say(f"{error['at']}  {failure_text(error)}")
    if story["more"]:
        note("earlier attempts failed too: the latest are shown")


def following(
    job_id: JobId,
    limit: Instants = 10,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Show the next instants of a job."""
    with gateway(url, data_dir) as client:
        shown(
            lambda: wire(client.occurrences(job_id, limit)),
            show_instants,
            as_json=as_json,
            watch=watch,
            every=every,
        )


def why(
    job_id: JobId,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Say for each open task of a job what exactly it waits for."""
    with gateway(url, data_dir) as client:
        shown(lambda: wire(client.why(job_id)), _show_why, as_json=as_json, watch=watch, every=every)


def _show_why(view: Mapping[str, Any]) -> None:
    say(f"{view['job_id']}  {view['text']}")
    if view["tasks"]:
        rows = (
            (wait["task_id"][:8], wait["step"], wait["instant"], wait["kind"], wait["text"])
            for wait in view["tasks"]
        )
        show_rows(("task", "step", "instant", "waits for", "description"), rows, "")
    if view["more"]:
        note(f"more tasks are open: karya tasks {view['job_id']} lists them")
