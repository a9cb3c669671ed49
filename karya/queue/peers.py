"""Who is connected to the dispatcher, and the credit account of each. No I/O."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from karya.core.hint import Hint
from karya.core.ports import WorkerInfo
from karya.queue.wire import Credit, Hello, Role

_MOST_RECENT: Final = 10_000
"""A worker has no more slots than this, so it cannot sit on more unclaimed hints."""


class Peer:
    """One session of a worker or client.

    Its credit is what it last announced as free less what is on the way to it (sent and not known to
    be received). The hints on the way, and those that arrived within the last two heartbeats and may
    be unclaimed still, are kept, so that they can be sent elsewhere when it vanishes.
    """

    def __init__(self, identity: bytes, hello: Hello, now: float, beat: float) -> None:
        self.identity = identity
        self.owner, self.session, self.role, self.pool = hello.owner, hello.session, hello.role, hello.pool
        self.info = WorkerInfo(hello.owner, 0, 0, hello.pool)
        self.heard_at = now
        self.served_at = now
        self._recent = 2 * beat
        self._free = self._sent = self._received = 0
        self._moved_at = now
        self._kept: deque[tuple[float, tuple[Hint, ...]]] = deque()
        self._kept_count = 0

    @property
    def ids(self) -> Mapping[str, str]:
        """How log lines name it."""
        return {("worker" if self.role is Role.WORKER else "client"): self.owner}

    @property
    def credit(self) -> int:
        """How many hints it may be sent now."""
        return max(0, self._free - self._on_the_way)

    @property
    def _on_the_way(self) -> int:
        return self._sent - self._received

    def announced(self, credit: Credit, now: float) -> None:
        """Takes its word on what it has received and still takes; an outdated one changes nothing."""
        if credit.received < self._received:
            return
        if credit.received > self._received:
            self._received, self._moved_at = credit.received, now
        # More than was sent: counted by an earlier dispatcher, or arrived after it was given up.
        self._sent = max(self._sent, self._received)
        self._free = credit.free if self.role is Role.WORKER else 0
        self.info = WorkerInfo(self.owner, credit.free, credit.running, self.pool)
        self._forget_old(now - self._recent)

    def sent(self, hints: Sequence[Hint], now: float) -> None:
        """Books hints that were handed to the socket."""
        batch = tuple(hints)
        self.served_at = now
        if not self._on_the_way:
            self._moved_at = now
        self._sent += len(batch)
        self._kept.append((now, batch))
        self._kept_count += len(batch)

    def took_over(self, taken: int) -> None:
        """It answers for the first so many hints itself: only those behind them remain."""
        missing = max(0, self._sent - taken)
        remains = self.remains()
        self._keep_only(remains[max(0, len(remains) - missing) :])

    def choke(self) -> None:
        """Its socket takes no more: no credit until its next word."""
        self._free = 0

    def overslept(self, seconds: float) -> None:
        """So long nobody could be heard; it does not count as silence."""
        self.heard_at += seconds
        self._moved_at += seconds

    def give_up(self, patience: float) -> list[Hint]:
        """The hints on the way when for `patience` seconds it spoke and received none: taken as lost,
        and owed no longer."""
        missing = self._on_the_way
        if not missing or self.heard_at - self._moved_at < patience:
            return []
        arrived, lost = self.remains()[:-missing], self.remains()[-missing:]
        self._sent = self._received
        self._keep_only(arrived)
        return lost

    def remains(self) -> list[Hint]:
        """Every hint it was sent which may be unclaimed, in the order of sending."""
        return [hint for _, batch in self._kept for hint in batch]

    def _keep_only(self, hints: Sequence[Hint]) -> None:
        self._kept = deque([(self._moved_at, tuple(hints))])
        self._kept_count = len(hints)

    def _forget_old(self, before: float) -> None:
        while self._kept:
            at, batch = self._kept[0]
            arrived = self._kept_count - len(batch) >= self._on_the_way
            if not arrived or (at > before and self._kept_count <= _MOST_RECENT):
                return
            self._kept.popleft()
            self._kept_count -= len(batch)


class Roster:
    """The peers by their socket identity."""

    def __init__(self) -> None:
        self._peers: dict[bytes, Peer] = {}

    def add(self, peer: Peer) -> None:
        """Lets it in."""
        self._peers[peer.identity] = peer

    def remove(self, peer: Peer) -> None:
        """Forgets it."""
        self._peers.pop(peer.identity, None)

    def get(self, identity: bytes) -> Peer | None:
        """The peer behind this socket identity."""
        return self._peers.get(identity)

    def all(self) -> list[Peer]:
        """Everybody, as of now: a copy, which may be asked for from any thread."""
        return list(self._peers.values())

    def sessions(self, owner: str) -> list[Peer]:
        """Those of one owner."""
        return [peer for peer in self._peers.values() if peer.owner == owner]

    def workers(self) -> list[WorkerInfo]:
        """Everybody but the clients, as of now; from any thread."""
        return [peer.info for peer in self.all() if peer.role is Role.WORKER]

    def credit(self, pool: str) -> int:
        """How many hints all of the pool may be sent now; from any thread."""
        return sum(peer.credit for peer in self.all() if peer.pool == pool)

    def ready(self, pool: str) -> list[Peer]:
        """Those of the pool with credit: the one with most first, and of equals the one that has waited
        longest, so that a trickle of work goes round."""
        with_credit = [peer for peer in self._peers.values() if peer.pool == pool and peer.credit]
        return sorted(with_credit, key=lambda peer: (-peer.credit, peer.served_at))
