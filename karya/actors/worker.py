"""A worker: claims hinted tasks, runs many at once, and hands every outcome to the reporter.

Killed at any point, it loses nothing: what it had claimed comes back when its leases expire.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from karya.actors.attempt import Held, Stop, interrupted, lateness, perform, result_text
from karya.actors.metrics import WorkerMetrics
from karya.actors.reporter import Report, Reporter
from karya.core.coalesce import Coalescer
from karya.core.errors import StoreUnavailable
from karya.core.hint import Hint
from karya.core.outcome import Failure, Outcome, Success
from karya.core.ports import ActionRunner, Claims, Clock, Commit, Consumer
from karya.core.settings import WorkerSettings
from karya.core.task import CLAIM_AHEAD, START_WITHIN
from karya.core.times import ceil_millis
from karya.core.transitions import Attempt, Transition, decide, release

log = structlog.get_logger("karya.worker")

_COMPANY_SECONDS = 0.002
_ASK_AGAIN_SECONDS = 0.1
_MOST_TOGETHER = 500


class Worker:
    """One member of the pool, running at most `slots` tasks at once."""

    def __init__(
        self,
        owner: str,
        settings: WorkerSettings,
        consumer: Consumer,
        claims: Claims,
        reporter: Reporter,
        actions: ActionRunner,
        clock: Clock,
        metrics: WorkerMetrics,
    ) -> None:
        self.owner = owner
        self._settings = settings
        self._consumer = consumer
        self._claims = claims
        self._reporter = reporter
        self._actions = actions
        self._clock = clock
        self._metrics = metrics
        self._held: dict[str, Held] = {}
        self._claiming = 0
        self._reporting = 0
        self._announced = 0
        self._announcing: asyncio.TimerHandle | None = None
        self._draining = False
        self._late: Coalescer[Held, None] = Coalescer(self._ask, _MOST_TOGETHER)
        self._idle = asyncio.Event()
        self._idle.set()

    async def run(self) -> None:
        """Takes and runs tasks until it is cancelled, or drained."""
        self._tell(self._free_slots())
        while not self._draining:
            hints = await self._consumer.receive()
            if not self._draining:
                await self._take(hints)

    async def _take(self, hints: Sequence[Hint]) -> None:
        """Claims what is hinted and begins what it won; what it wins while it drains goes back."""
        self._claiming = len(hints)
        self._idle.clear()
        try:
            asked_at, asked = self._clock.monotonic(), self._clock.now()
            claims = await self._claims.claim(hints, self.owner, self._settings.lease)
            self._metrics.refused.inc(len(hints) - len(claims))
            trusted_until = asked_at + self._trust
            for claim in claims:
                self._begin(Held(claim, trusted_until, max(claim.hint.due_at, asked) + START_WITHIN))
        except StoreUnavailable as error:
            log.warning("claim_failed", count=len(hints), error=str(error))
        finally:
            self._claiming = 0
            self._tell(self._free_slots())
            self._rest()

    @property
    def _trust(self) -> float:
        """For how many seconds from the request on a lease is relied upon."""
        return self._settings.lease.total_seconds() * 0.9

    def _announce(self) -> None:
        """Tells the dispatcher how much more fits. Small gains wait a moment for company: hints that come
        one by one would be claimed one by one, and a write for each costs many times one for all."""
        free = self._free_slots()
        gain = free - self._announced
        if gain < 0 or gain >= self._settings.slots // 2 or not self._held:
            self._tell(free)
        elif gain > 0 and self._announcing is None:
            loop = asyncio.get_running_loop()
            self._announcing = loop.call_later(_COMPANY_SECONDS, lambda: self._tell(self._free_slots()))

    def _free_slots(self) -> int:
        """Outcomes that pile up before the store count too: memory stays bounded."""
        slots = self._settings.slots
        if self._draining or self._reporting > 2 * slots:
            return 0
        return max(0, slots - len(self._held) - self._claiming)

    def _tell(self, free: int) -> None:
        if self._announcing is not None:
            self._announcing.cancel()
            self._announcing = None
        self._announced = free
        self._consumer.report(free=free, running=len(self._held))
        self._metrics.running.set(len(self._held))

    def _begin(self, held: Held) -> None:
        self._held[held.task_id] = held
        held.running = asyncio.create_task(self._attempt(held), name=f"attempt {held.task_id}")
        if self._draining:
            held.stop(Stop.HANDED_BACK)

    def _rest(self) -> None:
        if not (self._held or self._claiming or self._reporting):
            self._idle.set()

    async def _attempt(self, held: Held) -> None:
        """The story of one attempt."""
        held.begun = True
        try:
            outcome = await self._perform(held)
        finally:
            held.ended = True
            del self._held[held.task_id]
            self._announce()
        self._reporting += 1
        try:
            await self._report(held, outcome)
        finally:
            self._reporting -= 1
            self._announce()
            self._rest()

    async def _perform(self, held: Held) -> Outcome | None:
        try:
            await self._wait_until_it_may_start(held)
        except asyncio.CancelledError:
            if held.stopped is None:
                raise
        if held.stopped is not None:
            return interrupted(held)
        now = self._clock.now()
        held.started_at = ceil_millis(now)
        self._metrics.start_lag_seconds.observe(lateness(held, now))
        with self._metrics.execution_seconds.time():
            return await perform(held, self._actions)

    async def _wait_until_it_may_start(self, held: Held) -> None:
        """Waits for the instant. A worker that slept past the time within which it had to start asks first,
        because the lease may be lost or the job cancelled by now; all that are late ask together."""
        wait = min(held.claim.hint.due_at - self._clock.now(), CLAIM_AHEAD)  # a clock may have jumped back
        if wait > timedelta(0):
            await asyncio.sleep(wait.total_seconds())
        while held.stopped is None and self._clock.now() > held.start_by:
            await self._late.add(held)

    async def _ask(self, late: Sequence[Held]) -> Sequence[None]:
        asked = self._clock.now()
        try:
            await self._renew(late, starting=True)
            for held in late:
                held.start_by = asked + START_WITHIN
        except StoreUnavailable as error:
            log.warning("late_start_delayed", count=len(late), error=str(error))
            await asyncio.sleep(_ASK_AGAIN_SECONDS)
            self._stop_untrusted()
        return [None] * len(late)

    async def _report(self, held: Held, outcome: Outcome | None) -> None:
        transition = self._transition(held, outcome)
        if transition is None:
            self._metrics.lost.inc()
            return
        commit = Commit(held.task_id, held.claim.lease_id, transition)
        kept = await self._reporter.report(Report(held.claim.hint, commit, held.trusted_until))
        if kept and isinstance(outcome, Success):
            self._metrics.succeeded.inc()
        elif kept and isinstance(outcome, Failure):
            self._metrics.failed.inc()

    def _transition(self, held: Held, outcome: Outcome | None) -> Transition | None:
        if outcome is None:
            return release("the worker was stopped") if held.stopped is Stop.HANDED_BACK else None
        hint = held.claim.hint
        result = result_text(outcome.result) if isinstance(outcome, Success | Failure) else None
        attempt = Attempt(hint.task_id, hint.attempt, hint.retry, held.started_at)
        return decide(attempt, outcome, result, ceil_millis(self._clock.now()))

    # --- leases ---------------------------------------------------------------------------------------

    async def keep_leases(self) -> None:
        """Renews the leases of what runs, a quarter of the lease apart, until it is cancelled."""
        pause = self._settings.lease.total_seconds() / 4
        while True:
            await asyncio.sleep(pause)
            try:
                await self._renew(list(self._held.values()))
            except StoreUnavailable as error:
                log.warning("renewal_failed", count=len(self._held), error=str(error))
            self._stop_untrusted()

    async def _renew(self, held: Sequence[Held], *, starting: bool = False) -> None:
        asked_at = self._clock.monotonic()
        leases = {one.task_id: one.claim.lease_id for one in held}
        renewal = await self._claims.renew(leases, self._settings.lease, starting=starting)
        for one in held:
            if one.task_id in renewal.lost:
                one.stop(Stop.LOST)
            elif one.task_id in renewal.cancelled:
                one.stop(Stop.CANCELLED)
            else:
                one.trusted_until = asked_at + self._trust

    def _stop_untrusted(self) -> None:
        """What could not be renewed in time may belong to another by now."""
        soon = self._clock.monotonic() + self._settings.lease.total_seconds() / 20
        for one in list(self._held.values()):
            if one.trusted_until < soon:
                one.stop(Stop.LOST)

    # --- the end --------------------------------------------------------------------------------------

    async def drain(self) -> None:
        """Takes nothing more, lets what runs finish within the grace period, hands back the rest."""
        self._draining = True
        self._tell(0)
        try:
            async with asyncio.timeout(self._settings.grace.total_seconds()):
                await self._idle.wait()
        except TimeoutError:
            self.hand_back()
            await self._idle.wait()

    def hand_back(self) -> None:
        """Takes nothing more, stops what runs and hands it back; a drain under way then ends."""
        self._draining = True
        self._tell(0)
        for one in list(self._held.values()):
            one.stop(Stop.HANDED_BACK)
