"""How far a long work is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from karya.cli.exits import Partly
from karya.cli.output import Seldom, err, note
from karya.core.errors import KaryaError


class Bar:
    """A bar on a terminal, elsewhere a line every five seconds; on standard error both. Call it with how many
    are done by now."""

    def __init__(self, verb: str, total: int) -> None:
        self.done = 0
        self.total = total
        self._verb = verb
        self._is_time = Seldom()
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
        elif self._is_time():
            note(f"{self._verb} {done:,} of {self.total:,} …")


@contextmanager
def breaking_off(bar: Bar, words: str) -> Iterator[None]:
    """Says how far a work came when it breaks off, with these words behind the numbers. Raises what it broke
    off with; as Partly, if some of it is done."""
    try:
        yield
    except (KaryaError, KeyboardInterrupt) as error:
        note(f"karya: {bar.done:,} of {bar.total:,} {words}")
        if bar.done and isinstance(error, KaryaError):
            raise Partly(error) from error
        raise
