"""How far a long work is."""

import time
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from karya.cli.output import err, note

_TELL_SECONDS = 5.0


class Bar:
    """A bar on a terminal, elsewhere a line every five seconds; on standard error both. Call it with how many
    are done by now."""

    def __init__(self, verb: str, total: int | None) -> None:
        self.done = 0
        self._verb, self._total = verb, total
        self._told_at = time.monotonic()
        columns = (TextColumn(verb), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=err, transient=True) if err.is_terminal else None
        self._task = self._bar.add_task(verb, total=total) if self._bar else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int) -> None:
        """So many are done."""
        self.done = done
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done)
        elif time.monotonic() - self._told_at > _TELL_SECONDS:
            self._told_at = time.monotonic()
            of = "" if self._total is None else f" of {self._total:,}"
            note(f"{self._verb} {done:,}{of} …")
