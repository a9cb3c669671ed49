"""Two ports of actors: the queue, which repeats itself, and commits that tell whether they were answered."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import Commit, WorkerInfo
from karya.store.commits import MongoCommits

_MOST_HINTS = 60


class Offers:
    """Implements `Producer`: remembers what it was offered last, so that hints are stale and repeated."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.watch: Callable[[Sequence[Hint]], None] = lambda _: None
        """Told of everything that is handed over, before anybody can claim it."""

    def offer(self, hints: Iterable[Hint]) -> None:
        """Keeps the latest."""
        fresh = list(hints)
        self.watch(fresh)
        self.hints = [*self.hints, *fresh][-_MOST_HINTS:]

    def room(self, pool: str = DEFAULT_POOL) -> int:
        """There always is."""
        return _MOST_HINTS

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
