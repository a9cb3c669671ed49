"""The commands that look at one job."""

from karya.cli.calls import gateway
from karya.cli.options import DataDir, Instants, JobId, Json, Url
from karya.cli.output import failure_text, job_line, say, schedule_text, show_instants, wire, work_text
from karya.cli.sheets import Item, show_latest
from karya.cli.watching import EVERY, Every, Watch, shown

_ENDED = ("COMPLETED", "CANCELLED")


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


def show_summary(summary: Item) -> None:
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
