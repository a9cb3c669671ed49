"""Instants matched to distinct arrivals, whatever instant an arrival claims to be of.

As in Jepsen's analysis of Chronos: a schedule was kept if every instant has an arrival of its own within its
window. Instants are served by their deadlines, the earliest first; one that finds its arrivals taken makes
earlier ones look for others (an augmenting path). So the matching is as large as any, and no instant that
must run is left out in favour of one that may.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.judge.needs import Instant, Need


@dataclass(frozen=True, slots=True)
class Unmatched:
    """What found no partner."""

    instants: Sequence[Instant]
    arrivals: Sequence[int]
    """Their positions."""


def match(instants: Sequence[Instant], arrivals: Sequence[int], skew: int) -> Unmatched:
    """Matches instants that must or may run to arrivals, which are given in ascending order."""
    wanted = [each for each in instants if each.need is not Need.FORBIDDEN]
    wanted.sort(key=lambda each: (each.need is Need.OPTIONAL, each.deadline, each.at))
    windows = [
        range(bisect_left(arrivals, each.at - skew), bisect_right(arrivals, each.deadline)) for each in wanted
    ]
    pairs = _Pairs(windows)
    alone = [each for number, each in enumerate(wanted) if not pairs.find_place(number)]
    return Unmatched(alone, [at for at in range(len(arrivals)) if at not in pairs.holders])


class _Pairs:
    def __init__(self, windows: Sequence[range]) -> None:
        self._windows = windows
        self._places: dict[int, int] = {}
        self.holders: dict[int, int] = {}
        """The instant that has an arrival, by their positions."""

    def find_place(self, number: int) -> bool:
        """Gives this instant an arrival, moving others if need be."""
        reached: dict[int, int] = {}
        waiting = deque([number])
        while waiting:
            current = waiting.popleft()
            for place in self._windows[current]:
                if place in reached:
                    continue
                reached[place] = current
                if place not in self.holders:
                    self._move(place, number, reached)
                    return True
                waiting.append(self.holders[place])
        return False

    def _move(self, place: int, number: int, reached: dict[int, int]) -> None:
        """Everybody on the path to the free place moves up by one."""
        while True:
            mover = reached[place]
            left = self._places.get(mover)
            self._places[mover], self.holders[place] = place, mover
            if mover == number or left is None:
                return
            place = left
