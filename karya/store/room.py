"""What one limit has room for when tasks are claimed together, and for whom."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from karya.core.limits import window_length, with_more
from karya.store import gates
from karya.store.blocking import Document

MOST_SEEN = 500
"""Behind so many that wait nobody is admitted who comes new, whatever room there is: one look lets as many
go."""


@dataclass
class Room:
    """The room of one limit, and what a claim takes of it."""

    gate: Document
    limit: int
    """How many it allows to those who claim; others under the same key may be allowed other numbers."""
    taken: int
    in_turn: int
    """How many of those who claim were let go for it."""
    promised: int = 0
    """How many others were let go for it, and have not been claimed yet."""
    waiting: Sequence[datetime] = ()
    """The earliest instants of those that wait for it and could have it; no more than it has room for, or
    MOST_SEEN."""
    begun: int = 0
    is_full: bool = False
    """Whether any had to be parked for it."""

    @property
    def ident(self) -> str:
        """The id of the limit."""
        ident: str = self.gate["_id"]
        return ident

    @property
    def left(self) -> int:
        """How many more may begin, if nobody has come before them."""
        return self.limit - self.taken - self.begun

    def admits(self, task: Document) -> bool:
        """Whether there is room for one more. Who was let go, be it for another limit, has had its wait; who
        comes new lets those go first that were let go, or wait with an earlier instant."""
        if "let_go_for" in task:
            return self.left > 0
        earlier = bisect_left(self.waiting, task["instant"])
        return self.left > self.promised + earlier and earlier < MOST_SEEN

    def closed(self, now: datetime) -> gates.Change:
        """What is stored at the end of the claim: what was taken, and when to look at those that wait."""
        change = self._change(now)
        if self.in_turn and self._is_waiting:
            left = gates.fewer(gates.promises(self.gate, now), self.in_turn)
            change = {**change, "$set": {**change.get("$set", {}), "promised": left}}
        return self.ident, change

    def _change(self, now: datetime) -> Document:
        if gates.is_seat(self.ident):
            if not self._is_waiting:
                return gates.deserted(self.ident, now)
            return gates.looked_at(self._sooner(now + gates.RECHECK)) if self.is_full else {}
        starts = with_more(gates.starts_of(self.gate), window_length(self.ident), now, self.begun)
        stored = gates.starts_document(starts)
        opens_at = self._sooner(gates.opens_at({**self.gate, "starts": stored}, self.limit, now))
        update = gates.looked_at(opens_at) if self._is_waiting else gates.deserted(self.ident, now)
        return {**update, "$set": {**update["$set"], "starts": stored}}

    @property
    def _is_waiting(self) -> bool:
        return self.is_full or gates.is_waiting(self.gate)

    def _sooner(self, at: datetime) -> datetime:
        """When to look at those that wait: others may do so with a larger limit, and are not put off."""
        wake_at: datetime = self.gate.get("wake_at", at)
        return min(wake_at, at)
