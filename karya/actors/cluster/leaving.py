"""An actor on its way out."""

from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from ray.exceptions import RayActorError

from karya.actors.cluster.ray_runtime import actor_state

CLOSE, HAND_OVER = "close", "hand_over"
"""The ways in which an actor is asked to end; the second one is a scheduler's that has a successor."""


class Leaving:
    """Asks an actor to close, which drains it, until it has. One that dies meanwhile is asked again: Ray has
    started it again, and it may already run something."""

    def __init__(self, actor: Any, way: str, until: float, state: Callable[[Any], str] = actor_state) -> None:
        """`until` is the moment, on the clock of the looks, from which nobody waits any more. `state` asks
        Ray's head for the state of the actor."""
        self.actor = actor
        self._way = way
        self._until = until
        self._state = state
        self._closed = self._ask()

    def is_over(self, now: float) -> bool:
        """Whether it may be killed: it has closed, or cannot, or took too long."""
        if self._closed.done() and self._has_died() and self._state(self.actor) != "DEAD":
            self._closed = self._ask()
        return self._closed.done() or now > self._until

    @property
    def drained(self) -> bool:
        """Whether it has finished, or handed back, all that it had."""
        return self._closed.done() and self._closed.exception() is None

    def _has_died(self) -> bool:
        return isinstance(self._closed.exception(), RayActorError)

    def _ask(self) -> "Future[None]":
        asked: Future[None] = getattr(self.actor, self._way).remote().future()
        return asked
