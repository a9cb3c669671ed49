"""The hints that wait for a worker: filled by the scheduler's thread, emptied by the dispatcher's loop."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from threading import Lock
from typing import Final

from karya.core.hint import Hint

SOON_SECONDS: Final = 0.2
"""What waits has had its turn, and is in front of all whose turn comes: so no more may wait than workers take
in so long. And so long the scheduler may be busy with something else before they run dry."""


class Backlog:
    """A thread-safe queue in which every (task, token) waits at most once.

    It takes all that is offered; how much it should be is for those to ask who offer.
    """

    def __init__(self, capacity: int, credit: Callable[[], int], monotonic: Callable[[], float]) -> None:
        """It never has more room than `capacity`; `credit` tells how many hints the workers take at once."""
        self._capacity = capacity
        self._credit = credit
        self._monotonic = monotonic
        self._waiting: OrderedDict[tuple[str, int], Hint] = OrderedDict()
        self._sent: deque[tuple[float, int]] = deque()
        self._sent_lately = 0
        self._refused = False
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def room(self) -> int:
        """How many more hints should be offered."""
        self._refused = True  # before the credit is read: whoever gains some meanwhile tells of it
        with self._lock:
            room = max(0, self._most() - len(self._waiting))
            self._refused = not room
            return room

    def relieved(self) -> bool:
        """Whether it had no room when it was asked and half of it is free by now; true once for each time."""
        if not self._refused:
            return False
        with self._lock:
            most = self._most()
            self._refused = not most or len(self._waiting) > most // 2
            return not self._refused

    def surplus(self) -> list[Hint]:
        """Removes and returns the last ones, where more than twice as many wait as should: workers take fewer
        by now."""
        if not self._waiting:
            return []
        with self._lock:
            most = self._most()
            beyond = len(self._waiting) - most if len(self._waiting) > 2 * most else 0
            return [self._waiting.popitem()[1] for _ in range(beyond)][::-1]

    def add(self, hints: Iterable[Hint]) -> None:
        """Appends those that do not wait already."""
        with self._lock:
            for hint in hints:
                self._waiting.setdefault((hint.task_id, hint.token), hint)

    def take(self, most: int) -> list[Hint]:
        """Removes and returns up to so many, the longest waiting first."""
        with self._lock:
            return [self._waiting.popitem(last=False)[1] for _ in range(min(most, len(self._waiting)))]

    def sent(self, count: int) -> None:
        """So many of those that were taken are the workers' now, whose credit is less by as many."""
        with self._lock:
            self._sent.append((self._monotonic(), count))
            self._sent_lately += count

    def put_back(self, hints: Sequence[Hint]) -> None:
        """Returns hints that were taken and not sent to the front, in their order."""
        with self._lock:
            for hint in reversed(hints):
                key = (hint.task_id, hint.token)
                self._waiting[key] = hint
                self._waiting.move_to_end(key, last=False)

    def _most(self) -> int:
        """How many should wait: what is taken at once, and as many as were sent within the last moments."""
        since = self._monotonic() - SOON_SECONDS
        while self._sent and self._sent[0][0] <= since:
            self._sent_lately -= self._sent.popleft()[1]
        return min(self._capacity, self._credit() + self._sent_lately)
