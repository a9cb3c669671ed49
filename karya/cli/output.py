"""How the commands speak: results on standard output, everything else on standard error."""

import json
import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from rich.console import Console

from karya.cli.advice import advice
from karya.cli.exits import Partly
from karya.core.errors import InvalidInput, KaryaError
from karya.core.words import how_many

if TYPE_CHECKING:
    from pydantic import BaseModel

_CONTROLS = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"}

out = Console(highlight=False, markup=False, emoji=False)
err = Console(stderr=True, highlight=False, markup=False, emoji=False)
if not out.is_terminal:
    out.width = 200  # a pipe has no width, and a program that reads a table wants no folded cells


def say(line: str) -> None:
    """One result line, seen at once even through a pipe, never wrapped."""
    put(inert(line))


def put(text: str) -> None:
    """A result for programs: as it is."""
    print(text, flush=True)


def inert(text: str) -> str:
    """A text of anybody, which must not steer the terminal that shows it: control characters as `\\x1b`."""
    return text.translate(_CONTROLS)


def in_line(text: str) -> str:
    """The same in one line."""
    return inert(" ".join(text.split()))


def note(line: str) -> None:
    """One line about what is going on."""
    # In one piece with its end: the steps of a start are told by two threads.
    sys.stderr.write(f"{inert(line)}\n")
    sys.stderr.flush()


def complain(error: KaryaError) -> None:
    """One line for an error; a refused request has one for each wrong field."""
    note(f"karya: {complaint(error)}")


def complaint(error: KaryaError) -> str:
    """The words for an error."""
    if isinstance(error, Partly):
        return complaint(error.error)
    if not isinstance(error, InvalidInput):
        words = " ".join(str(error).split())
        more = advice(error)
        return words if more is None else f"{words}; {more}"
    fields = [f"{e.field}: {e.message}" if e.field else e.message for e in error.errors]
    return f"refused: {fields[0]}" if len(fields) == 1 else "\n  ".join(["refused:", *fields])


def into_a_file() -> bool:
    """Whether results go to a file: on a terminal they are seen to come, and behind a pipe somebody else
    writes on that terminal."""
    with suppress(OSError, ValueError):  # a stream that is none of the system's
        return stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    return False


def wire(view: "BaseModel") -> dict[str, Any]:
    """A view as the gateway wrote it."""
    return view.model_dump(mode="json")


def say_json(content: Any) -> None:
    """The answer as it came, for programs."""
    put(json.dumps(content, indent=2, ensure_ascii=False))


def say_json_line(content: Any) -> None:
    """One of many, on a line of its own."""
    put(json.dumps(content, ensure_ascii=False))


Tell = Callable[[str], None]
"""Receives the name of each step that begins."""


class Progress:
    """Shows which step is under way: a spinner on a terminal; elsewhere one line for each."""

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
    words = (f"{job['id']}  {job['status']}{following}", job["name"], in_line(job["description"]))
    return "  ".join(filter(None, words))


def show_instants(preview: Mapping[str, Any]) -> None:
    """Instants, each with the moment when it is due where that is another one."""
    due = preview["due_at"] or preview["instants"]
    for instant, at in zip(preview["instants"], due, strict=True):
        say(instant if at == instant else f"{instant}  due at {at}")
    if not preview["instants"]:
        note("no instant is left")


def failure_text(error: Mapping[str, Any]) -> str:
    """A failed attempt in one line."""
    return f"attempt {error['attempt']}: {in_line(str(error['error']))}"


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
    runs = f", {how_many(schedule['max_runs'], 'time')}" if schedule.get("max_runs") else ""
    match schedule["kind"]:
        case "interval":
            return f"every {schedule['every']}{runs}"
        case "cron":
            return f"{schedule['expression']} {schedule['timezone']}{runs}"
        case "rrule":
            return f"{schedule['rule']} {schedule['timezone']}{runs}"
        case other:
            return str(other)
