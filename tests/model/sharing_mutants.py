"""Bugs in what jobs share, each put in by hand: limits by key, and the order of what is due."""

import heapq
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.actors.timetable import Timetable, _user
from karya.actors.turns import Turns
from karya.core.limits import Starts
from karya.store import gates, limited, overlaps, room


def uncounted_seats(patch: pytest.MonkeyPatch) -> None:
    """A claim does not count what runs under its key."""

    async def nothing(*_: Any) -> int:
        return 0

    patch.setattr(limited.LimitedClaims, "_taken", nothing)


def unnoted_starts(patch: pytest.MonkeyPatch) -> None:
    """A rate does not remember what has started."""

    def as_before(starts: Sequence[Starts], per: timedelta, now: datetime, count: int) -> list[Starts]:
        return list(starts)

    patch.setattr(room, "with_more", as_before)


def untold_parking(patch: pytest.MonkeyPatch) -> None:
    """A task is parked, and the limit does not know that somebody waits."""
    closed = room.Room.closed

    def unaware(self: room.Room, now: datetime) -> gates.Change:
        return closed(replace(self, is_full=False), now)

    patch.setattr(room.Room, "closed", unaware)


def parked_in_pauses(patch: pytest.MonkeyPatch) -> None:
    """A pause leaves parked what waits for a limit: it is let go when there is room, paused or not."""
    patch.setattr(overlaps, "held", lambda: {"$set": {"held": True}})


def greedy_weights(patch: pytest.MonkeyPatch) -> None:
    """Whoever has the largest weight is always first."""
    line_up = Turns._line_up

    def by_weight(self: Turns, user: str, place: float) -> None:
        line_up(self, user, -self._weight_of(user))

    patch.setattr(Turns, "_line_up", by_weight)


def heedless_order(patch: pytest.MonkeyPatch) -> None:
    """Priorities are not heeded."""

    def by_moment(self: Timetable, until: datetime) -> None:
        while self._heap and self._heap[0][0] <= until:
            moment, order, hint = heapq.heappop(self._heap)
            if self._is_current(hint):
                heapq.heappush(self._due.setdefault(_user(hint), []), (0, moment, order, hint))
                self._turns.enter(_user(hint))

    patch.setattr(Timetable, "_line_up", by_moment)
