"""How the commands speak: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Self

from rich.console import Console
from rich.table import Table

from karya.core.errors import InvalidInput, KaryaError

out = Console(highlight=False, markup=False)
err = Console(stderr=True, highlight=False, markup=False)
if not out.is_terminal:
    out.width = 200  # a pipe has no width, and a program that reads a table wants no folded cells


def say(line: str) -> None:
    """One result line, seen at once even through a pipe, never wrapped."""
    print(line, flush=True)


def note(line: str) -> None:
    """One line about what is going on."""
    # In one piece with its end: the steps of a start are told by two threads.
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def complain(error: KaryaError) -> None:
    """One line for an error; a refused request has one for each wrong field."""
    note(f"karya: {complaint(error)}")


def complaint(error: KaryaError) -> str:
    """The words for an error."""
    if not isinstance(error, InvalidInput):
        return " ".join(str(error).split())
    fields = [f"{e.field}: {e.message}" if e.field else e.message for e in error.errors]
    return f"refused: {fields[0]}" if len(fields) == 1 else "\n  ".join(["refused:", *fields])


def say_json(content: Any) -> None:
    """The answer as it came, for programs."""
    say(json.dumps(content, indent=2, ensure_ascii=False))


Tell = Callable[[str], None]
"""Receives the name of each step that begins."""


class Progress:
    """Shows what is under way: a spinner on a terminal, one line for each step elsewhere."""

    def __init__(self) -> None:
        self._spinner = err.status("") if err.is_terminal else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.done()

    def __call__(self, step: str) -> None:
        """A step begins."""
        if self._spinner is None:
            note(f"{step} …")
        else:
            self._spinner.update(f"{step} …")
            self._spinner.start()

    def done(self) -> None:
        """The last step has ended; another may begin later."""
        if self._spinner is not None:
            self._spinner.stop()


def job_line(job: Mapping[str, Any]) -> str:
    """A job in one line."""
    following = f", next at {job['next_at']}" if job["next_at"] else ""
    return f"{job['id']}  {job['status']}{following}  {job['description']}".rstrip()


def show_jobs(page: Mapping[str, Any]) -> None:
    """A page of jobs as a table."""
    table = make_table("job", "status", "action", "schedule", "next at", "description")
    for job in page["jobs"]:
        row = (job["id"], job["status"], action_text(job["action"]), schedule_text(job["schedule"]))
        table.add_row(*row, job["next_at"] or "", job["description"])
    out.print(table)


def show_summary(summary: Mapping[str, Any]) -> None:
    """A job with its counts, its latest tasks and its latest errors."""
    job = summary["job"]
    out.print(job_line(job), soft_wrap=True)
    out.print(f"{action_text(job['action'])}, {schedule_text(job['schedule'])}", soft_wrap=True)
    counts = ", ".join(f"{number} {state}" for state, number in summary["counts"].items() if number)
    out.print(f"tasks: {counts or 'none'}")
    if summary["tasks"]:
        out.print(_tasks(summary["tasks"]))
    for error in summary["errors"]:
        words = " ".join(str(error["error"]).split())
        out.print(f"{error['at']}  attempt {error['attempt']}: {words}", soft_wrap=True)


def _tasks(tasks: list[Mapping[str, Any]]) -> Table:
    table = make_table("task", "kind", "instant", "status", "attempts", "late (ms)", "error")
    for task in tasks:
        late = "" if task["lateness_ms"] is None else str(task["lateness_ms"])
        why = task["error"] or task["reason"] or ""
        kind = task["kind"] if task["kind"] == "hook" else task["step"]
        table.add_row(task["id"][:8], kind, task["instant"], task["status"], str(task["attempts"]), late, why)
    return table


def make_table(*columns: str) -> Table:
    """A table without lines; columns that hold a text of any length fold, the others stay whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        long = column in ("error", "description", "action")
        number = column in ("attempt", "attempts", "late (ms)")
        table.add_column(column, no_wrap=not long, overflow="fold", justify="right" if number else "left")
    return table


def action_text(action: Mapping[str, Any]) -> str:
    """What a job does, in a few words."""
    if action["type"] == "rest":
        return f"{action['method']} {action['url']}"
    return str(action["type"])


def schedule_text(schedule: Mapping[str, Any]) -> str:
    """When a job runs, in a few words."""
    if schedule["kind"] != "interval":
        return str(schedule["kind"])
    runs = f", {schedule['max_runs']} times" if schedule["max_runs"] else ""
    return f"every {schedule['every']}{runs}"
