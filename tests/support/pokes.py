"""What a scheduler would have been told."""

from collections.abc import Sequence
from datetime import datetime

from karya.core.hint import Hint


class Pokes(list[datetime | None]):
    """Implements `karya.core.ports.queue.Poke`: the instants before which nothing was due that had to be
    looked for, one for each call."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Hint] = []
        """The tasks that did not have to be."""

    def __call__(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        self.append(due_at)
        self.told += told
