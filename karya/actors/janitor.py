"""What crashes leave behind, put right: expired leases, jobs whose end was not written, slots not given
back."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import structlog

from karya.actors.metrics import ServerMetrics
from karya.core.errors import StoreRefuses, StoreUnavailable
from karya.core.outcome import LEASE_EXPIRED
from karya.core.ports import Claims, Clock, Commit, Commits, JobRepository, Position
from karya.core.ports.slots import Slots
from karya.core.task import START_WITHIN, Task
from karya.core.transitions import Attempt, decide
from karya.core.words import MOST_NAMED, some

log = structlog.get_logger("karya.janitor")

_BATCH = 200
_PAGES = 10
"""How many batches of jobs one sweep looks at: the rest have their turn in the next."""

_SETTLE_AFTER = timedelta(seconds=10)


class Janitor:
    """Sweeps at an interval. All its writes are guarded, so several may sweep at once."""

    def __init__(
        self,
        claims: Claims,
        commits: Commits,
        jobs: JobRepository,
        slots: Slots,
        clock: Clock,
        interval: timedelta,
        metrics: ServerMetrics,
        cancel: Callable[[str], Awaitable[object]],
        poke: Callable[[datetime], None],
    ) -> None:
        self._claims = claims
        self._commits = commits
        self._jobs = jobs
        self._slots = slots
        self._clock = clock
        self._interval = interval
        self._metrics = metrics
        self._cancel = cancel
        self._poke = poke
        self._settled_to: Position | None = None
        self._cancelled_to: Position | None = None

    async def run(self) -> None:
        """Sweeps until it is cancelled; while the store is away it tries again."""
        while True:
            await asyncio.sleep(self._interval.total_seconds())
            try:
                await self.sweep()
            except StoreUnavailable as error:
                log.warning("store_unavailable", error=str(error))

    async def sweep(self) -> None:
        """One sweep: reaps, settles, and frees what holds others up. What goes wrong with one chore keeps
        none of the others from being done: a document that nobody here understands, or an index that is
        missing, is still so at the next sweep. Only when the store does not answer at all it ends at once:
        each chore would wait for it as long. Raises StoreUnavailable then, and at the end for the first
        chore that was refused."""
        chores = {
            "reaping": self._reap_all,
            "settling": self._settle_all,
            "cancels": self._finish_cancels,
            "slots": self._free_slots,
        }
        refused: StoreRefuses | None = None
        for name, chore in chores.items():
            try:
                await chore()
            except StoreRefuses as error:
                refused = refused or error
            except StoreUnavailable:
                raise
            except Exception:
                log.exception("chore_failed", chore=name)
        if refused is not None:
            raise refused

    async def _reap_all(self) -> None:
        while len(expired := await self._claims.expired(_BATCH)) > 0:
            if await self._reap(expired) == 0 or len(expired) < _BATCH:
                break

    async def _settle_all(self) -> None:
        for _ in range(_PAGES):
            await self._settle_some()
            if self._settled_to is None:
                break

    async def _settle_some(self) -> None:
        """Looks at the next few jobs; from sweep to sweep it goes round all of them."""
        now = self._clock.now()
        unsettled = await self._jobs.unsettled(now - _SETTLE_AFTER, self._settled_to, _BATCH)
        self._settled_to = unsettled[-1] if len(unsettled) == _BATCH else None
        if await self._jobs.settle([job_id for _, job_id in unsettled], now):
            self._poke(now)

    async def _finish_cancels(self) -> None:
        """A cancel whose server died half-way was not acknowledged; but the job says that it is cancelled.
        From sweep to sweep it goes round all of them: some cannot be finished for long."""
        before = self._clock.now() - _SETTLE_AFTER
        found = await self._jobs.half_cancelled(before, self._cancelled_to, _BATCH)
        self._cancelled_to = found[-1] if len(found) == _BATCH else None
        for _, job_id in found:
            try:
                await self._cancel(job_id)
            except Exception as error:
                if isinstance(error, StoreUnavailable) and not isinstance(error, StoreRefuses):
                    raise
                log.error("cancel_failed", job=job_id, error=str(error))
            else:
                log.info("cancel_finished", job=job_id)

    async def _free_slots(self) -> None:
        now = self._clock.now()
        abandoned = await self._slots.abandoned(now - _SETTLE_AFTER, _BATCH)
        if abandoned and await self._slots.release(abandoned, now):
            self._poke(now)

    async def _reap(self, expired: Sequence[Task]) -> int:
        """Takes tasks from holders whose lease expired, through the ordinary retry decision; how many."""
        now = self._clock.now()
        commits = [_verdict(task, now) for task in expired]
        lost = await self._commits.commit([commit for commit in commits if commit], now)
        reaped = [task for task in expired if task.id not in lost]
        if reaped:
            log.warning("reaped", count=len(reaped), tasks=some(task.id for task in reaped))
            for task in reaped[:MOST_NAMED]:
                _tell(task)
            self._metrics.reaped.inc(len(reaped))
            await self._jobs.settle([task.job_id for task in reaped], now)
            self._poke(now)
        return len(reaped)


def _tell(task: Task) -> None:
    worker = task.lease.owner if task.lease else None
    log.info("task_reaped", job=task.job_id, task=task.id, attempt=task.attempts, worker=worker)


def _verdict(task: Task, now: datetime) -> Commit | None:
    if task.lease is None:
        return None
    claimed_at = task.start_by - START_WITHIN if task.start_by else None
    attempt = Attempt(task.id, task.attempts, task.retry, None, task.due_at, claimed_at)
    verdict = decide(attempt, LEASE_EXPIRED, None, now)
    seat = task.limits.seat if task.limits else None
    return Commit(task.id, task.lease.id, verdict, seen_expiry=task.lease.expires_at, seat=seat)
