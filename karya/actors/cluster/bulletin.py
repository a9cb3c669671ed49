"""What the scheduler says of itself and of the workers, asked for again and again."""

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from karya.core.ports import PoolLoad


class Bulletin:
    """The latest status of one scheduler actor; nothing is known while it has not answered."""

    def __init__(self) -> None:
        self._actor: Any = None
        self._asked: Future[dict[str, Any]] | None = None
        self._status: dict[str, Any] | None = None

    def ask(self, actor: Any) -> None:
        """Takes in what was answered, and asks again; another actor, or none, makes what an earlier one said
        void."""
        if actor is not self._actor:
            self._actor, self._asked, self._status = actor, None, None
        if self._asked is not None and self._asked.done():
            self._status = None if self._asked.exception() else self._asked.result()
            self._asked = None
        if self._asked is None and actor is not None:
            self._asked = actor.status.remote().future()

    @property
    def leads(self) -> bool:
        """Whether it holds the lock."""
        return self._status is not None and self._status["leads"]

    def is_connected(self, worker: str) -> bool:
        """Whether a worker of this name has found it."""
        crew = self._status["crew"] if self._status else ()
        return any(info.owner.startswith(f"{worker}@") for info in crew)

    def loads(self) -> Mapping[str, PoolLoad]:
        """How each pool stands; of none while it does not lead, as it cannot know then."""
        return self._status["pools"] if self._status is not None and self.leads else {}
