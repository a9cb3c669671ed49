"""How lists are shown: a page, or all that there are (`--all`)."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Annotated, Any

import typer

from karya.cli.bar import Bar
from karya.cli.output import into_a_file, note, say_json_line, schedule_text, wire, work_text
from karya.cli.tables import PagedTable, Row, show_rows
from karya.cli.watching import EVERY, shown
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
    """The columns of a list, what stands in them, what is said when there is nothing, and the field of a page
    that holds the list. A page leaves the column `seldom` out where nothing stands in it: the others take its
    room."""

    columns: Row
    row: Callable[[Item], Row]
    none: str
    field: str
    seldom: str = ""

    def show(self, items: Iterable[Item]) -> None:
        """These alone."""
        rows = [self.row(item) for item in items]
        kept = [
            number
            for number, column in enumerate(self.columns)
            if column != self.seldom or any(row[number] for row in rows)
        ]
        show_rows([self.columns[n] for n in kept], ([row[n] for n in kept] for row in rows), self.none)

    def show_all(self, items: Iterable[Item]) -> None:
        """All that comes, as it comes."""
        table = PagedTable(self.columns)
        with Bar("listed", quiet=not into_a_file()) as bar:
            rows = bar.each(map(self.row, items))
            while some := [*islice(rows, _AT_ONCE)]:
                table.show(some)
        if not bar.done:
            note(self.none)

    def show_page(self, page: Mapping[str, Any]) -> None:
        """A page, and how to see what follows on it."""
        self.show(page[self.field])
        tell_more(page)


def show_list(
    sheet: Sheet,
    page: "Callable[[], BaseModel]",
    whole: "Callable[[], Iterable[BaseModel]]",
    *,
    everything: bool,
    as_json: bool,
    watch: bool = False,
    every: float = EVERY,
) -> None:
    """A page of a list, over and over with `watch`; or the whole list."""
    if everything:
        show_all(map(wire, whole()), sheet, as_json=as_json)
    else:
        shown(lambda: wire(page()), sheet.show_page, as_json=as_json, watch=watch, every=every)


def show_all(items: Iterable[Item], sheet: Sheet, *, as_json: bool) -> None:
    """Everything that comes, as it comes."""
    if as_json:
        for item in items:
            say_json_line(item)
    else:
        sheet.show_all(items)


def show_parts(
    pages: "Iterable[BaseModel]",
    field: str,
    head: Callable[[Item], None],
    show: Callable[[Iterable[Item]], None],
    *,
    as_json: bool,
) -> None:
    """Something and all of the list that it has in this field, page after page: its head, and what is in the
    list as it comes. With `as_json` the list alone."""
    wired = map(wire, pages)
    first = next(wired)
    items = chain.from_iterable(page[field] for page in chain((first,), wired))
    if as_json:
        for item in items:
            say_json_line(item)
        return
    head(first)
    show(items)


def check_all(everything: bool, cursor: str | None, watch: bool = False) -> None:
    """Raises ConfigError for what does not go with `--all`."""
    if everything and (cursor is not None or watch):
        raise ConfigError(f"--all lists every page, once: leave out {'--watch' if watch else '--cursor'}")


def show_latest(tasks: Sequence[Item], steps: Sequence[str]) -> None:
    """The latest tasks of a job: the latest instant first, as they come; of one instant in the order of the
    steps."""
    by_step = sorted(tasks, key=lambda task: steps.index(task["step"]) if task["step"] in steps else -1)
    latest = sorted(by_step, key=lambda task: str(task["instant"]), reverse=True)
    show_rows(TASKS.columns, ((task["id"][:8], *_task_row(task)[1:]) for task in latest), TASKS.none)


def tell_more(page: Mapping[str, Any]) -> None:
    """How to see what follows on a page, if anything does."""
    if page["next_cursor"]:
        note(f"there are more: --cursor {page['next_cursor']}, or --all")


def _job_row(job: Item) -> Row:
    when = (schedule_text(job["schedule"]), job["next_at"] or "")
    return (job["id"], job["status"], work_text(job), *when, job["name"] or "", job["description"])


def _task_row(task: Item) -> Row:
    late = "" if task["lateness_ms"] is None else str(task["lateness_ms"])
    row = (task["id"], task["step"], task["instant"], task["status"], str(task["attempts"]), late)
    return (*row, task["error"] or task["reason"] or "")


def _letter_row(task: Item) -> Row:
    died = (task["finished_at"], str(task["attempts"]), task["error"] or "")
    return (task["id"], task["job_id"], task["step"], *died)


def _user_row(user: Item) -> Row:
    return (user["id"], user["role"], str(user["weight"]), user["name"], user["created_at"])


def _token_row(token: Item) -> Row:
    return (token["id"], token["label"], token["created_at"], token["expires_at"] or "never")


def _change_row(change: Item) -> Row:
    return (change["at"], change["kind"], str(change["version"]))


def _skip_row(skip: Item) -> Row:
    return (skip["first"], skip["last"], str(skip["count"]), skip["reason"])


def _error_row(error: Item) -> Row:
    return (error["at"], error["task_id"], error["source"], str(error["attempt"]), error["error"])


def _wait_row(wait: Item) -> Row:
    return (wait["task_id"][:8], wait["step"], wait["instant"], wait["kind"], wait["text"])


JOBS = Sheet(
    ("job", "status", "action", "schedule", "next at", "name", "description"),
    _job_row,
    "no jobs",
    "jobs",
    seldom="name",
)
TASKS = Sheet(
    ("task", "step", "instant", "status", "attempts", "late (ms)", "error"), _task_row, "no tasks", "tasks"
)
LETTERS = Sheet(
    ("task", "job", "step", "died at", "attempts", "error"), _letter_row, "no dead letters", "tasks"
)
ERRORS = Sheet(("at", "task", "of", "attempt", "error"), _error_row, "no errors", "errors")
WAITS = Sheet(("task", "step", "instant", "waits for", "description"), _wait_row, "no open tasks", "tasks")
USERS = Sheet(("user", "role", "weight", "name", "since"), _user_row, "no users", "users")
TOKENS = Sheet(("token", "label", "since", "expires"), _token_row, "no tokens", "tokens")
CHANGES = Sheet(("at", "what", "version"), _change_row, "no history", "changes")
SKIPS = Sheet(("first skipped", "last", "instants", "description"), _skip_row, "nothing skipped", "skipped")
