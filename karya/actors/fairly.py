"""Reading what is due of each user, while the crowd of another keeps it from being read in its order."""

from collections.abc import Sequence
from datetime import datetime
from itertools import zip_longest

from karya.actors.lane import Lane
from karya.core.ports import Agenda, DueTask

_MOST = 2_000
"""How many tasks of all users together are looked for in one go."""
_LEAST = 20
"""How many of each at least."""
_SHARES_AT_ONCE = 100
_REST_SECONDS = 0.2
"""How long not to look again, at least: so long, and the look itself, a lone task waits in the worst case."""


class FairReader:
    """A pool is crowded when more is due than the timetable holds. What it holds then is of those whose tasks
    were due first, perhaps of one user alone; so the first few of every user are read besides, and have their
    turns."""

    def __init__(self, agenda: Agenda) -> None:
        self._agenda = agenda
        self._seen_to: dict[str, str] = {}

    def is_time(self, lane: Lane, monotonic: float) -> bool:
        """Whether to read from this pool now."""
        return lane.unread_after is not None and monotonic >= lane.fair_at

    def read(self, lane: Lane, until: datetime) -> Sequence[DueTask]:
        """The first tasks of each user, the most urgent first, that the timetable does not know; from call to
        call it goes round all users."""
        shares = self._next_shares(lane.pool)
        most = max(_LEAST, _MOST // max(1, len(shares)))
        found = [self._agenda.keys_of(share, until, most, lane.pool) for share in shares]
        fresh = [[key.task_id for key in keys if not lane.timetable.knows(key)] for keys in found]
        in_turns = [ident for each in zip_longest(*fresh) for ident in each if ident is not None]
        chosen = in_turns[: lane.timetable.spare]
        return self._agenda.tasks(chosen) if chosen else []

    def rest(self, lane: Lane, monotonic: float, at_least: float) -> None:
        """It has been read until now; nothing more is for so many seconds."""
        lane.fair_at = monotonic + max(_REST_SECONDS, at_least)

    def _next_shares(self, pool: str) -> Sequence[str]:
        """However many users there are, one look is at so many of them; at the end it goes round."""
        seen_to = self._seen_to.get(pool, "")
        shares = self._agenda.shares(seen_to, _SHARES_AT_ONCE, pool)
        if not shares and seen_to:
            shares = self._agenda.shares("", _SHARES_AT_ONCE, pool)
        self._seen_to[pool] = shares[-1] if len(shares) == _SHARES_AT_ONCE else ""
        return shares
