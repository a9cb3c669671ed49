"""The lock of the scheduler: taken, kept, and given back."""

from collections.abc import Callable
from datetime import timedelta

import structlog

from karya.core.errors import StoreUnavailable
from karya.core.ports import Clock, LockLease, Locks
from karya.core.ports.scheduling import SCHEDULER_LOCK

log = structlog.get_logger("karya.scheduler")


class Leadership:
    """Whoever holds the lock leads. It is renewed each quarter of its `ttl`; one that was not renewed for all
    of it is lost, whatever the store would say."""

    def __init__(
        self,
        owner: str,
        endpoint: str,
        ttl: timedelta,
        locks: Locks,
        clock: Clock,
        sync_clock: Callable[[], object],
        is_dead: Callable[[str], bool],
    ) -> None:
        """`endpoint` is where workers find this owner once it leads; `sync_clock` is called whenever the lock
        is had anew."""
        self._owner = owner
        self._endpoint = endpoint
        self._ttl = ttl
        self._locks = locks
        self._clock = clock
        self._sync_clock = sync_clock
        self._is_dead = is_dead
        self._lease: LockLease | None = None
        self._unused: LockLease | None = None
        """One that was had, but not yet relied upon."""
        self._lost_at = 0.0
        self.renew_at = 0.0
        """When (monotonic seconds) to ask again."""

    @property
    def holds(self) -> bool:
        """Whether this one leads, as far as it knows."""
        return self._lease is not None

    @property
    def is_fresh(self) -> bool:
        """Whether it leads and need not ask yet."""
        return self._lease is not None and self._clock.monotonic() < self.renew_at

    def renew(self) -> bool:
        """Whether it still leads. Raises StoreUnavailable when that cannot be said; it then still does."""
        now = self._clock.monotonic()
        if self._lease is None or now >= self._lost_at or not self._locks.renew(self._lease, self._ttl):
            self._lease = None
            return False
        self._sync_clock()
        self._kept_since(now)
        return True

    def take(self) -> LockLease | None:
        """Tries to lead. Raises StoreUnavailable; whatever was not answered, the next try is told the same
        `idle_since`. The renewal says that somebody knows that it holds the lock."""
        now = self._clock.monotonic()
        self._bury_predecessor()
        self._lease = None
        lease = self._locks.acquire(SCHEDULER_LOCK, self._owner, self._ttl, {"endpoint": self._endpoint})
        if lease is None:
            return None
        if self._unused == lease:
            lease = self._unused
        self._unused = lease
        self._sync_clock()
        if self._locks.renew(lease, self._ttl):
            log.info("leading", scheduler=self._owner, token=lease.token, endpoint=self._endpoint)
            self._lease, self._unused = lease, None
            self._kept_since(now)
        return self._lease

    def resign(self) -> None:
        """Lets another lead at once; when the store is away that takes until the lock runs out. One that led
        says first that it did so until now: nothing that fell due since its last renewal was unseen."""
        held = self._lease or self._unused
        if held is not None:
            try:
                if self._lease is not None and self._clock.monotonic() < self._lost_at:
                    self._locks.renew(self._lease, self._ttl)
                self._locks.release(held)
            except StoreUnavailable as error:
                log.warning("lock_not_released", error=str(error))

    def _kept_since(self, asked_at: float) -> None:
        self.renew_at = asked_at + self._ttl.total_seconds() / 4
        self._lost_at = asked_at + self._ttl.total_seconds()

    def _bury_predecessor(self) -> None:
        """A holder that is known to be dead need not be waited for. Were that a mistake, two would lead for
        a while, which costs duplicate hints and nothing else."""
        holder = self._locks.holder(SCHEDULER_LOCK)
        if holder is not None and self._is_dead(holder.owner):
            log.info("predecessor_is_dead", scheduler=holder.owner)
            self._locks.release(LockLease(SCHEDULER_LOCK, holder.owner, holder.token))
