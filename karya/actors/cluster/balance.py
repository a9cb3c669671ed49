"""Workers spread evenly over the nodes: one that joins late, or comes back, gets its share."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from karya.actors.cluster.names import pool_of
from karya.actors.cluster.placement import one_too_many
from karya.actors.cluster.staff import COMEBACK_SECONDS, Staff

log = structlog.get_logger("karya.supervisor")

_REST_SECONDS = 60.0
"""How long nothing is moved after a newcomer that did not work."""


@dataclass(frozen=True, slots=True)
class _Move:
    leaving: str
    coming: str
    until: float


class Balance:
    """Moves one worker at a time, from look to look: the newcomer works before the other one is drained."""

    def __init__(self, staff: Staff, is_connected: Callable[[str], bool]) -> None:
        """`is_connected` tells whether a worker has found the scheduler."""
        self._staff = staff
        self._is_connected = is_connected
        self._move: _Move | None = None
        self._not_before = 0.0

    def look(self, now: float) -> bool:
        """Takes the next step, if there is one to take; whether a move is under way."""
        if self._move is not None:
            self._go_on(self._move, now)
        elif now >= self._not_before:
            self._move = self._begun(now)
        return self._move is not None

    def _begun(self, now: float) -> _Move | None:
        name = one_too_many(self._staff.stations(), self._staff.alive)
        pool = pool_of(name or "")
        if name is None or pool is None or not self._staff.is_open(name):
            return None
        move = _Move(name, self._staff.add(pool), now + COMEBACK_SECONDS)
        log.info("worker_moves", leaving=move.leaving, coming=move.coming)
        return move

    def _go_on(self, move: _Move, now: float) -> None:
        if self._staff.is_open(move.coming) and self._is_connected(move.coming):
            self._staff.retire(move.leaving)
            self._move = None
        elif now > move.until:
            log.warning("worker_does_not_move", coming=move.coming, seconds=COMEBACK_SECONDS)
            self._staff.give_up(move.coming)
            self._move, self._not_before = None, now + _REST_SECONDS
