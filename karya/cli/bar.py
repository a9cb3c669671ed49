"""How far a long work is."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from karya.cli.exits import Partly
from karya.cli.output import err, note
from karya.core.errors import KaryaError

T = TypeVar("T")
_TELL_SECONDS = 5.0


class Bar:
    """A bar on a terminal, elsewhere a line every five seconds; on standard error both. Call it with how many
    are done by now, of `total`, or of nobody knows how many. A quiet one shows nothing: for programs."""

    def __init__(self, verb: str, total: int | None = None, *, quiet: bool = False) -> None:
        self.done = 0
        self.total = total
        self._verb = verb
        self._quiet = quiet
        self._told_at = time.monotonic()
        shows = err.is_terminal and not quiet
        self._bar = Progress(*self._columns(), console=err, transient=True) if shows else None
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
        elif not self._quiet and self._is_time():
            note(f"{self._verb} {self.standing} …")

    def each(self, items: Iterable[T]) -> Iterator[T]:
        """These, one by one; each is done when the next is asked for."""
        for item in items:
            yield item
            self(self.done + 1)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Out of the way of what is printed meanwhile."""
        self.__exit__()
        yield
        self.__enter__()

    @property
    def standing(self) -> str:
        """How many of how many."""
        return f"{self.done:,}" if self.total is None else f"{self.done:,} of {self.total:,}"

    def _columns(self) -> Iterator[ProgressColumn]:
        yield from (TextColumn("{task.description}", markup=False), BarColumn())
        if self.total is None:
            yield from (TextColumn("{task.completed:,}"), TimeElapsedColumn())
        else:
            yield from (MofNCompleteColumn(), TimeRemainingColumn())

    def _is_time(self) -> bool:
        now = time.monotonic()
        is_time = now - self._told_at > _TELL_SECONDS
        self._told_at = now if is_time else self._told_at
        return is_time


@contextmanager
def breaking_off(bar: Bar, words: str) -> Iterator[None]:
    """Says how far a work came when it breaks off, with these words behind the numbers. Raises what it broke
    off with; as Partly, if some of it is done."""
    try:
        yield
    except (KaryaError, KeyboardInterrupt) as error:
        note(f"karya: {bar.standing} {words}")
        if bar.done and isinstance(error, KaryaError):
            raise Partly(error) from error
        raise
