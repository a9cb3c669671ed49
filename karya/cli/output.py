"""How the commands speak: results on standard output, everything else on standard error."""

import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console, JustifyMethod
from rich.measure import Measurement
from rich.table import Table

from karya.cli.advice import advice
from karya.core.errors import InvalidInput, KaryaError

if TYPE_CHECKING:
    from pydantic import BaseModel

_WIDEST = 1000
_FOLDED = 12  # how narrow a column gets that folds

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
        words = " ".join(str(error).split())
        more = advice(error)
        return words if more is None else f"{words}; {more}"
    fields = [f"{e.field}: {e.message}" if e.field else e.message for e in error.errors]
    return f"refused: {fields[0]}" if len(fields) == 1 else "\n  ".join(["refused:", *fields])


def wire(view: "BaseModel") -> dict[str, Any]:
    """A view as the gateway wrote it."""
    return view.model_dump(mode="json")


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
    words = (f"{job['id']}  {job['status']}{following}", job["name"], job["description"])
    return "  ".join(filter(None, words))


def show_jobs(page: Mapping[str, Any]) -> None:
    """A page of jobs as a table."""
    named = any(job["name"] for job in page["jobs"])  # else the column takes the room of another
    columns = ("job", "status", "action", "schedule", "next at", *(("name",) if named else ()), "description")
    show_rows(columns, (_job_row(job, named) for job in page["jobs"]), "no jobs")
    tell_more(page)


def tell_more(page: Mapping[str, Any]) -> None:
    """How to see what follows on a page, if anything does."""
    if page["next_cursor"]:
        note(f"there are more: --cursor {page['next_cursor']}")


def show_instants(preview: Mapping[str, Any]) -> None:
    """Instants, each with the moment when it is due where that is another one."""
    due = preview["due_at"] or preview["instants"]
    for instant, at in zip(preview["instants"], due, strict=True):
        say(instant if at == instant else f"{instant}  due at {at}")
    if not preview["instants"]:
        note("no instant is left")


def _job_row(job: Mapping[str, Any], named: bool) -> tuple[str, ...]:
    row = (job["id"], job["status"], work_text(job), schedule_text(job["schedule"]))
    return (*row, job["next_at"] or "", *((job["name"] or "",) if named else ()), job["description"])


def show_rows(columns: Sequence[str], rows: Iterable[Sequence[str]], none: str) -> None:
    """Rows as a table; where there are none, a note that says so."""
    table = make_table(*columns)
    for row in rows:
        table.add_row(*row)
    if table.row_count:
        print_table(table)
    else:
        note(none)


def print_table(table: Table) -> None:
    """With ids as a whole, whatever the width of the terminal: they are copied from here."""
    least = Measurement.get(out, out.options.update(max_width=_WIDEST), table).minimum
    console = out if least <= out.width else Console(highlight=False, markup=False, width=least)
    console.print(table)


def show_summary(summary: Mapping[str, Any]) -> None:
    """A job with its counts, its latest tasks and its latest errors."""
    job = summary["job"]
    out.print(job_line(job), soft_wrap=True)
    out.print(f"{work_text(job)}; {schedule_text(job['schedule'])}", soft_wrap=True)
    counts = ", ".join(f"{number} {state}" for state, number in summary["counts"].items() if number)
    out.print(f"tasks: {'at least ' if summary['at_least'] else ''}{counts or 'none'}")
    if summary["tasks"]:
        print_table(tasks_table(_in_order(summary["tasks"], [step["name"] for step in job["steps"]])))
    steps = {task["id"]: task["step"] for task in summary["tasks"]}
    for error in summary["errors"]:
        step = steps.get(error["task_id"], error["task_id"][:8])
        out.print(f"{error['at']}  {step}, {failure_text(error)}", soft_wrap=True)


def failure_text(error: Mapping[str, Any]) -> str:
    """A failed attempt in one line."""
    return f"attempt {error['attempt']}: {' '.join(str(error['error']).split())}"


def _in_order(tasks: Sequence[Mapping[str, Any]], steps: Sequence[str]) -> Sequence[Mapping[str, Any]]:
    """The latest instant first, as they come; of one instant in the order of the steps."""
    by_step = sorted(tasks, key=lambda task: steps.index(task["step"]) if task["step"] in steps else -1)
    return sorted(by_step, key=lambda task: str(task["instant"]), reverse=True)


def tasks_table(tasks: Sequence[Mapping[str, Any]], *, whole_ids: bool = False) -> Table:
    """Tasks as a table."""
    table = make_table("task", "step", "instant", "status", "attempts", "late (ms)", "error")
    for task in tasks:
        late = "" if task["lateness_ms"] is None else str(task["lateness_ms"])
        ident = task["id"] if whole_ids else task["id"][:8]
        row = (ident, task["step"], task["instant"], task["status"], str(task["attempts"]), late)
        table.add_row(*row, task["error"] or task["reason"] or "")
    return table


def make_table(*columns: str) -> Table:
    """A table without lines; columns that hold a text of any length fold, the others stay whole."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        long = column in ("error", "name", "description", "action")
        number = column in ("attempt", "attempts", "late (ms)")
        side: JustifyMethod = "right" if number else "left"
        least = _FOLDED if long else None
        table.add_column(column, no_wrap=not long, overflow="fold", justify=side, min_width=least)
    return table


def work_text(job: Mapping[str, Any]) -> str:
    """What a job does, in a few words."""
    if job["action"] is None:
        return f"steps {', '.join(step['name'] for step in job['steps'])}"
    return action_text(job["action"])


def action_text(action: Mapping[str, Any]) -> str:
    """What an action does, in a few words."""
    if action["type"] == "rest":
        return f"{action['method']} {action['url']}"
    return str(action["type"])


def schedule_text(schedule: Mapping[str, Any]) -> str:
    """When a job runs, in a few words."""
    runs = f", {schedule['max_runs']} times" if schedule.get("max_runs") else ""
    match schedule["kind"]:
        case "interval":
            return f"every {schedule['every']}{runs}"
        case "cron":
            return f"{schedule['expression']} {schedule['timezone']}{runs}"
        case "rrule":
            return f"{schedule['rule']} {schedule['timezone']}{runs}"
        case other:
            return str(other)
