"""The leases of what a worker holds: renewed, asked about before a late start, and given up when lost."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from karya.actors.alarm import Alarm
from karya.actors.attempt import Held, Stop
from karya.core.coalesce import Coalescer
from karya.core.errors import StoreUnavailable
from karya.core.ports import Claims, Clock
from karya.core.task import CLAIM_AHEAD, CLOCKS_AGREE, START_WITHIN
from karya.core.words import some

log = structlog.get_logger("karya.worker")

START_FOR = START_WITHIN - CLOCKS_AGREE
"""For how long a worker starts what it has claimed without asking: whoever answers a cancel waits for
START_WITHIN by another clock, and nothing may start afterwards (I4)."""
ASK_AGAIN_SECONDS = 0.1
_MOST_TOGETHER = 500
_MARGIN = 1 / 20
"""Of the length of a lease: so long before its end it is no longer relied upon, and so often that is looked
at while the store does not answer."""


class Leases:
    """Whatever is held under a lease that may be lost is stopped before another can run it."""

    def __init__(self, claims: Claims, length: timedelta, clock: Clock) -> None:
        self._claims = claims
        self._length = length
        self._clock = clock
        self._alarm = Alarm()
        self._held: dict[str, Held] = {}
        self._late: Coalescer[Held, None] = Coalescer(self._ask, _MOST_TOGETHER)

    @property
    def trust(self) -> float:
        """For how many seconds from the request on a lease is relied upon."""
        return self._length.total_seconds() * 0.9

    def add(self, held: Held) -> None:
        """Keeps this lease from now on. An earlier one of the same task is lost, though nobody has said so
        yet: else the task could not have been claimed again."""
        if (earlier := self._held.get(held.task_id)) is not None:
            earlier.stop(Stop.LOST)
        self._held[held.task_id] = held

    def remove(self, held: Held) -> None:
        """Keeps it no longer: the attempt has ended."""
        if self._held.get(held.task_id) is held:
            del self._held[held.task_id]

    def stop_all(self, why: Stop) -> None:
        """Stops whatever is held."""
        for one in list(self._held.values()):
            one.stop(why)

    async def keep(self) -> None:
        """Renews the leases of what is held, a quarter of the lease apart, until it is cancelled. One that
        failed is tried again sooner, and one that gets no answer at all keeps nothing running for longer than
        it was granted."""
        pause = self._length / 4
        while True:
            await asyncio.sleep(pause.total_seconds())
            watching = asyncio.create_task(self._watch(), name="untrusted leases")
            try:
                await self._renew(list(self._held.values()))
                pause = self._length / 4
            except StoreUnavailable as error:
                tasks, count = some(self._held), len(self._held)
                log.warning("renewal_failed", tasks=tasks, count=count, error=str(error))
                pause = self._length * _MARGIN
            finally:
                watching.cancel()
            self._stop_untrusted()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep((self._length * _MARGIN).total_seconds())
            self._stop_untrusted()

    async def wait_until_it_may_start(self, held: Held) -> None:
        """Waits for the instant. A worker that slept past the time within which it had to start asks first,
        because the lease may be lost or the job cancelled by now; all that are late ask together."""
        await self._wait_until_due(held.claim.hint.due_at)
        while held.stopped is None and self._clock.now() >= held.start_by:
            await self._late.add(held)

    async def _wait_until_due(self, due_at: datetime) -> None:
        """No longer than a claim can be early: the clock may have been set back."""
        give_up = self._clock.monotonic() + CLAIM_AHEAD.total_seconds()
        while (wait := due_at - self._clock.now()) > timedelta(0):
            if self._clock.monotonic() >= give_up:
                return
            await self._alarm.sleep(min(wait, CLAIM_AHEAD).total_seconds())

    async def _ask(self, late: Sequence[Held]) -> Sequence[None]:
        asked = self._clock.now()
        try:
            await self._renew(late, starting=True)
            for held in late:
                held.start_by = asked + START_FOR
        except StoreUnavailable as error:
            tasks = some(held.task_id for held in late)
            log.warning("late_start_delayed", tasks=tasks, count=len(late), error=str(error))
            await asyncio.sleep(ASK_AGAIN_SECONDS)
            self._stop_untrusted()
        return [None] * len(late)

    async def _renew(self, held: Sequence[Held], *, starting: bool = False) -> None:
        asked_at = self._clock.monotonic()
        leases = {one.task_id: one.claim.lease_id for one in held}
        renewal = await self._claims.renew(leases, self._length, starting=starting)
        for one in held:
            if one.task_id in renewal.lost:
                one.stop(Stop.LOST)
            elif one.task_id in renewal.cancelled:
                one.stop(Stop.CANCELLED)
            elif starting and one.task_id in renewal.held:
                one.stop(Stop.HANDED_BACK)  # and stays held: nothing starts after a pause was acknowledged
            else:
                one.trusted_until = asked_at + self.trust

    def _stop_untrusted(self) -> None:
        """What could not be renewed in time may belong to another by now."""
        soon = self._clock.monotonic() + (self._length * _MARGIN).total_seconds()
        for one in list(self._held.values()):
            if one.trusted_until < soon:
                one.stop(Stop.LOST)
