"""Whose turn it is, when there is more to do than can be done at once. No I/O."""

import heapq
from collections.abc import Callable


class Turns:
    """Turns among users in proportion to their weights: stride scheduling (Waldspurger and Weihl, 1995).

    Each turn moves a user on by the inverse of its weight, and the one who is least far has the next. Who
    comes anew starts where the others are: having asked for nothing earns nothing.
    """

    def __init__(self, weight_of: Callable[[str], float]) -> None:
        """`weight_of` tells a user's weight, above zero."""
        self._weight_of = weight_of
        self._queue: list[tuple[float, int, str]] = []
        self._there: set[str] = set()
        self._pass = 0.0
        self._order = 0

    def __len__(self) -> int:
        """How many users there are."""
        return len(self._queue)

    def enter(self, user: str) -> None:
        """The user has something to do; nothing changes when it had before."""
        if user not in self._there:
            self._there.add(user)
            self._line_up(user, self._pass)

    def next(self) -> str:
        """The user whose turn it is. The turn ends with `take` or `leave`."""
        return self._queue[0][2]

    def take(self) -> None:
        """The user whose turn it is has taken one, and queues up again."""
        self._pass, _, user = heapq.heappop(self._queue)
        self._line_up(user, self._pass + 1 / self._weight_of(user))

    def leave(self) -> None:
        """The user whose turn it is has nothing more to do."""
        self._pass, _, user = heapq.heappop(self._queue)
        self._there.discard(user)

    def clear(self) -> None:
        """Forgets everybody."""
        self._queue.clear()
        self._there.clear()

    def _line_up(self, user: str, place: float) -> None:
        self._order += 1
        heapq.heappush(self._queue, (place, self._order, user))
