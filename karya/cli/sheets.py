"""How lists of jobs and of tasks are shown: a page, or all that there are (`--all`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.output import note, say_json_line, schedule_text, wire, work_text
from karya.cli.tables import PagedTable, Row, show_rows
from karya.core.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

Item = Mapping[str, Any]
All = Annotated[
    bool, typer.Option("--all", help="All of them, page after page; with --json each on a line of its own.")
]

_AT_ONCE = 100
"""How many rows are printed at a time: so many has a page of the gateway."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The columns of a list, what stands in them, and what is said when there is nothing."""

    columns: Row
    row: Callable[[Item], Row]
    none: str

    def show(self, items: Iterable[Item]) -> None:
        """These alone."""
        show_rows(self.columns, map(self.row, items), self.none)


def show_all(views: "Iterable[BaseModel]", sheet: Sheet, *, as_json: bool) -> None:
    """Everything that comes, as it comes."""
    items = map(wire, views)
    if as_json:
        for item in items:
            say_json_line(item)
        return
    table, is_empty = PagedTable(sheet.columns), True
    while some := [sheet.row(item) for item in islice(items, _AT_ONCE)]:
        table.show(some)
        is_empty = False
    if is_empty:
        note(sheet.none)


def check_all(everything: bool, cursor: str | None, watch: bool) -> None:
    """Raises ConfigError for what does not go with `--all`."""
    if everything and (cursor is not None or watch):
        raise ConfigError(f"--all lists every page, once: leave out {'--watch' if watch else '--cursor'}")


def show_jobs(page: Mapping[str, Any]) -> None:
    """A page of jobs as a table."""
    named = any(job["name"] for job in page["jobs"])  # else the column takes the room of another
    (JOBS if named else _UNNAMED).show(page["jobs"])
    tell_more(page, ", or --all")


def show_tasks(page: Mapping[str, Any]) -> None:
    """A page of tasks as a table."""
    TASKS.show(page["tasks"])
    tell_more(page, ", or --all")


def show_letters(page: Mapping[str, Any]) -> None:
    """A page of dead letters as a table."""
    LETTERS.show(page["tasks"])
    tell_more(page, ", or --all")


def show_latest(tasks: Sequence[Item], steps: Sequence[str]) -> None:
    """The latest tasks of a job: the latest instant first, as they come; of one instant in the order of the
    steps."""
    by_step = sorted(tasks, key=lambda task: steps.index(task["step"]) if task["step"] in steps else -1)
    latest = sorted(by_step, key=lambda task: str(task["instant"]), reverse=True)
    show_rows(TASKS.columns, ((task["id"][:8], *_task_row(task)[1:]) for task in latest), TASKS.none)


def tell_more(page: Mapping[str, Any], otherwise: str = "") -> None:
    """How to see what follows on a page, if anything does."""
    if page["next_cursor"]:
        note(f"there are more: --cursor {page['next_cursor']}{otherwise}")


def _job_row(job: Item) -> Row:
    return (*_unnamed_row(job)[:-1], job["name"] or "", job["description"])


def _unnamed_row(job: Item) -> Row:
    when = (schedule_text(job["schedule"]), job["next_at"] or "")
    return (job["id"], job["status"], work_text(job), *when, job["description"])


def _task_row(task: Item) -> Row:
    late = "" if task["lateness_ms"] is None else str(task["lateness_ms"])
    row = (task["id"], task["step"], task["instant"], task["status"], str(task["attempts"]), late)
    return (*row, task["error"] or task["reason"] or "")


def _letter_row(task: Item) -> Row:
    died = (task["finished_at"], str(task["attempts"]), task["error"] or "")
    return (task["id"], task["job_id"], task["step"], *died)


_AHEAD = ("job", "status", "action", "schedule", "next at")
JOBS = Sheet((*_AHEAD, "name", "description"), _job_row, "no jobs")
_UNNAMED = Sheet((*_AHEAD, "description"), _unnamed_row, "no jobs")
TASKS = Sheet(("task", "step", "instant", "status", "attempts", "late (ms)", "error"), _task_row, "no tasks")
LETTERS = Sheet(("task", "job", "step", "died at", "attempts", "error"), _letter_row, "no dead letters")
