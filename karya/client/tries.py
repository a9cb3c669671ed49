"""How long to wait before a request is sent again."""

import random
import time
from collections.abc import Callable

_FIRST_SECONDS = 0.1
_MOST_SECONDS = 5.0


class Tries:
    """The tries of one call: each waits about twice as long as the one before, up to 5 seconds.

    Up to half of each pause is left to chance, so that clients which failed together do not come back
    together. `patience` is for how many seconds after the first try another one may begin.
    """

    def __init__(
        self,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._chance = clock, chance
        self._deadline = clock() + patience
        self._next = _FIRST_SECONDS

    def pause(self, at_least: float | None = None) -> float | None:
        """Seconds until the next try, no fewer than the gateway has asked for; None when there is none."""
        pause = max(self._next * (1 - self._chance() / 2), at_least or 0.0)
        self._next = min(2 * self._next, _MOST_SECONDS)
        return pause if self._clock() + pause <= self._deadline else None
