"""What other threads tell the scheduler."""

import threading
from collections.abc import Sequence
from datetime import datetime

from karya.core.hint import Hint

MOST_TOLD = 1_000
"""How many new tasks are kept until somebody listens."""


class Inbox:
    """Messages and a wake-up call; every method may be called from any thread."""

    def __init__(self) -> None:
        self._signal = threading.Event()
        self._lock = threading.Lock()
        self._returned: list[Hint] = []
        self._poked: datetime | None = None
        self._told: list[Hint] = []
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether the end was asked for."""
        return self._stopped

    def poke(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        """Implements `Poke`. What is told while nobody listens is looked for in the end, as all else."""
        with self._lock:
            dues = [due_at, self._poked]
            if len(self._told) + len(told) <= MOST_TOLD:
                self._told += told
            else:
                dues += [hint.due_at for hint in told]
            self._poked = min((due for due in dues if due is not None), default=None)
        self._signal.set()

    def wake(self) -> None:
        """The queue has room again."""
        self._signal.set()

    def put_back(self, hints: Sequence[Hint]) -> None:
        """These hints went to a worker that is gone."""
        with self._lock:
            self._returned += hints
        self._signal.set()

    def stop(self) -> None:
        """Asks the scheduler to end."""
        self._stopped = True
        self._signal.set()

    def wait(self, seconds: float) -> None:
        """Sleeps until something arrives, at most so long."""
        self._signal.wait(seconds)
        self._signal.clear()

    def take_poke(self) -> datetime | None:
        """When the earliest of the tasks is due that were stored since the last call."""
        with self._lock:
            poked, self._poked = self._poked, None
        return poked

    def take_told(self) -> list[Hint]:
        """The new tasks that were told since the last call."""
        with self._lock:
            told, self._told = self._told, []
        return told

    def take_returned(self) -> list[Hint]:
        """The hints that came back since the last call."""
        with self._lock:
            returned, self._returned = self._returned, []
        return returned
