"""Two ports of actors: the queue, which repeats itself, and commits that tell whether they were answered."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from karya.actors.timetable import Timetable
from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import Commit, WorkerInfo
from karya.store.commits import MongoCommits

MOST_HINTS = 60


class Offers:
    """Implements `Producer`: remembers what it was offered last, so that hints are stale and repeated."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.watch: Callable[[Sequence[Hint]], None] = lambda _: None
        """Told of everything that is handed over, before anybody can claim it."""
        self.in_turn: Callable[[Sequence[Hint]], None] = lambda _: None
        """Told of what has its turn together, before limits and slots take their part of it."""
        self.most = MOST_HINTS
        """How many it takes at once."""

    def offer(self, hints: Iterable[Hint]) -> None:
        """Keeps the latest."""
        fresh = list(hints)
        self.watch(fresh)
        self.hints = [*self.hints, *fresh][-MOST_HINTS:]

    def room(self, pool: str = DEFAULT_POOL) -> int:
        """As much as the workers have for now."""
        return self.most

    def surplus(self, pool: str = DEFAULT_POOL) -> Sequence[Hint]:
        """Nobody is slow here."""
        return ()

    def overhear(self, timetable: Timetable) -> None:
        """Hears what this one hands out."""
        hand_out = timetable.hand_out

        def heard(until: datetime, most: int, monotonic: float) -> list[Hint]:
            due = hand_out(until, most, monotonic)
            self.in_turn(due)
            return due

        timetable.hand_out = heard  # type: ignore[method-assign]

    def workers(self) -> Sequence[WorkerInfo]:
        """Nobody asks."""
        return ()


class Answers:
    """Implements `Commits`: the real one, and whether the last commit was answered."""

    def __init__(self, real: MongoCommits) -> None:
        self._real = real
        self.answered = True

    async def commit(self, commits: Sequence[Commit], now: datetime) -> frozenset[str]:
        """See `Commits.commit`."""
        self.answered = False
        lost = await self._real.commit(commits, now)
        self.answered = True
        return lost
