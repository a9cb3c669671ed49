"""One actor as its supervisor sees it: asked again and again whether it is there."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from typing import Any

from ray.exceptions import ActorDiedError, ActorUnschedulableError, RayTaskError

from karya.actors.cluster.ray_runtime import actor_life, actor_state

_DEAD = (ActorDiedError, ActorUnschedulableError, RayTaskError)

_QUESTIONS = 5
"""How many times one that lives is asked, at least, within the time for which it may be silent. Ray leaves
some questions that were put to a process as it ended without any answer; the process after it answers the
next one."""


@dataclass(frozen=True, slots=True)
class Pulse:
    """The answer of an actor whose event loop turns."""

    incarnation: str
    """Differs after every restart."""
    node: str
    pid: int
    closing: bool
    """Whether it is being closed and then waits to be killed. One that ends its process by itself is not:
    Ray starts it again."""


class Sign(Enum):
    """What one look at an actor shows."""

    STARTING = "starting"
    """It has not answered yet, and it need not: Ray looks for a place for it, or starts its process."""
    UP = "up"
    RESTARTED = "restarted"
    """Up, and another one than before: Ray has started it again."""
    HUNG = "hung"
    """It lives and does not answer."""
    GONE = "gone"
    """Ray has given it up, or somebody killed it for good."""


class Seat:
    """Keeps asking one actor for its pulse, and whether it has opened: at every look until it has, and a few
    times within the patience for it afterwards, answered or not. `look` waits for no answer."""

    def __init__(
        self, actor: Any, node: str = "", life: Callable[[Any], tuple[str, int]] = actor_life
    ) -> None:
        """`node` is the one for which it was made, until it says where it is. `life` asks Ray's head for the
        state of the actor and its process."""
        self.actor = actor
        self._life = life
        self._node = node
        self.pulse: Pulse | None = None
        self._known: str | None = None
        self._silence = self._rest = 0.0
        self._lives: int | None = None
        """The process in which it was last seen alive."""
        self._asked: list[Future[Pulse]] = []
        """The questions that are open, the last one at the end."""
        self._opening: Future[Any] | None = None
        self.is_open = False
        self.failure: str | None = None
        """What kept it from opening, the last time it tried."""

    def look(self, elapsed: float, patience: float) -> Sign:
        """What is known now. `elapsed` seconds have passed since the last look; an actor that lives hangs
        when questions have been open in all the looks of `patience` seconds, and none was answered."""
        self._rest += elapsed
        if self._asked:
            self._silence += elapsed
        if isinstance(self._hear(patience / _QUESTIONS), _DEAD):
            return Sign.GONE
        if self._silence > patience:
            return self._judged()
        if self.pulse is None:
            return Sign.STARTING
        before, self._known = self._known, self.pulse.incarnation
        if before not in (None, self._known):
            self.is_open, self._opening = False, None
            return Sign.RESTARTED
        self._follow_opening()
        return Sign.UP

    @property
    def node(self) -> str:
        """Where it runs, as far as is known."""
        return self.pulse.node if self.pulse else self._node

    @property
    def is_closing(self) -> bool:
        """Whether somebody has closed it, who was to kill it."""
        return self.pulse is not None and self.pulse.closing

    def is_waiting(self) -> bool:
        """Whether Ray has no place for it yet, or is about to start it."""
        return actor_state(self.actor) not in ("ALIVE", "DEAD")

    def _hear(self, rest: float) -> BaseException | None:
        """Takes in what was answered, and asks again when it is time to."""
        error = self._answered()
        is_due = self._rest >= rest and (self._lives is not None or not self._asked)
        if is_due or (not self._asked and (error is not None or not self.is_open)):
            self._asked.append(self.actor.pulse.remote().future())
            self._rest = 0.0
        return error

    def _answered(self) -> BaseException | None:
        """Takes in the last answer; the error that was given instead."""
        done = [question for question in self._asked if question.done()]
        if not done:
            return None
        self._rest = 0.0
        if (error := done[-1].exception()) is not None:
            self._asked = [question for question in self._asked if question not in done]
            return error
        self.pulse, self._silence = done[-1].result(), 0.0
        self._lives = self.pulse.pid
        self._asked.clear()
        return None

    def _follow_opening(self) -> None:
        if self.is_open:
            return
        if self._opening is None:
            self._opening = self.actor.ready.remote().future()
        elif self._opening.done():
            error = self._opening.exception()
            self._opening, self.is_open = None, error is None
            if isinstance(error, RayTaskError):
                self.failure = str(error.cause)

    def _judged(self) -> Sign:
        """Silent for long: only Ray knows whether it has a process at all. The silence of one that has only
        just come to life, once more or for the first time, is that of its start."""
        state, pid = self._life(self.actor)
        if state == "DEAD":
            return Sign.GONE
        lived, self._lives = self._lives, pid if state == "ALIVE" else None
        if self._lives is not None and self._lives == lived:
            return Sign.HUNG
        self._silence, self.pulse, self._asked = 0.0, None, self._asked[-1:]
        return Sign.STARTING
