"""The hints that wait for a worker: filled by the scheduler's thread, emptied by the dispatcher's loop."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from threading import Lock

from karya.core.hint import Hint


class Backlog:
    """A thread-safe queue in which every (task, token) waits at most once.

    Offers beyond `capacity` are kept too: what counts is that `room` then says 0.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._waiting: OrderedDict[tuple[str, int], Hint] = OrderedDict()
        self._high = False
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._waiting)

    def room(self) -> int:
        """How many more hints it takes before it is full."""
        return max(0, self._capacity - len(self._waiting))

    def add(self, hints: Iterable[Hint]) -> None:
        """Appends those that do not wait already."""
        with self._lock:
            for hint in hints:
                self._waiting.setdefault((hint.task_id, hint.token), hint)
            self._high = self._high or self._over_half()

    def take(self, most: int) -> list[Hint]:
        """Removes and returns up to so many, the longest waiting first."""
        with self._lock:
            return [self._waiting.popitem(last=False)[1] for _ in range(min(most, len(self._waiting)))]

    def put_back(self, hints: Sequence[Hint]) -> None:
        """Returns hints that were taken and not sent to the front, in their order."""
        with self._lock:
            for hint in reversed(hints):
                key = (hint.task_id, hint.token)
                self._waiting[key] = hint
                self._waiting.move_to_end(key, last=False)
            self._high = self._high or self._over_half()

    def relieved(self) -> bool:
        """Whether it was more than half full and no longer is; true once for each time."""
        with self._lock:
            relieved = self._high and not self._over_half()
            self._high = self._over_half()
            return relieved

    def _over_half(self) -> bool:
        return len(self._waiting) > self._capacity // 2
