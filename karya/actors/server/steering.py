"""Stopping, holding and pushing jobs that are stored."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from typing import TypeVar

from karya.actors.metrics import ServerMetrics
from karya.actors.server.reaching import Wait, reached
from karya.actors.server.submissions import minting
from karya.core.errors import Conflict, Outdated, existing
from karya.core.ids import new_id
from karya.core.job import LIVE_STATES, Job, JobState
from karya.core.ports import Clock, JobRepository, TaskRepository
from karya.core.ports.lifecycle import Lifecycle
from karya.core.ports.traces import Traces
from karya.core.task import Task
from karya.core.times import floor_millis
from karya.core.trace import Trace
from karya.core.views import JobView, OccurrenceView, TaskView

T = TypeVar("T")

_PAGE = 500
_AT_ONCE = 16
_MOST_NAMED = 3


class Steering:
    """What clients do to jobs, beside changing what they say."""

    def __init__(
        self,
        jobs: JobRepository,
        tasks: TaskRepository,
        lifecycle: Lifecycle,
        clock: Clock,
        metrics: ServerMetrics,
        poke: Callable[[datetime], None],
        traces: Traces | None = None,
        wait: Wait = reached,
    ) -> None:
        self._jobs = jobs
        self._tasks = tasks
        self._lifecycle = lifecycle
        self._clock = clock
        self._metrics = metrics
        self._poke = poke
        self._traces = traces
        self._wait = wait

    async def cancel(self, job_id: str, *, version: int | None = None) -> JobView:
        """See `JobService.cancel`. All jobs are written first, then their tasks: a descendant that is
        submitted meanwhile sees on its own that it was cancelled, unless its worker is cut off before. So a
        job is not wholly cancelled while an attempt runs that may submit: the janitor comes back to it. Nor
        is it while a descendant cannot be read: all others are cancelled, and Conflict names it."""
        now = self._now()
        job = existing(await self._cancel_first(job_id, now, version), "job", job_id)
        live = await self._descendants(job_id, LIVE_STATES)
        outcomes = await _gathered(self._cancel_descendant(ident, now) for ident in live)
        unread = [ident for ident, is_read in zip(live, outcomes, strict=True) if not is_read]
        self._poke(now)  # for the hooks
        ended = [job_id, *await self._descendants(job_id, {JobState.CANCELLED})]
        starts = await _gathered(self._tasks.cancel_of_job(ident, now) for ident in ended)
        done = [ident for ident, start in zip(ended, starts, strict=True) if start is None]
        await self._jobs.cancelled_wholly([ident for ident in done if not unread or ident != job_id])
        await self._wait(max((start for start in starts if start is not None), default=None), self._clock)
        if unread:
            raise Conflict(
                f"{len(unread)} of the jobs that job {job_id} has submitted cannot be read by this version "
                f"of Karya, so they are not cancelled, as all others are: {', '.join(unread[:_MOST_NAMED])}. "
                "As soon as a version that can read them runs, they will be"
            )
        return JobView.of(job, now)

    async def pause(self, job_id: str) -> JobView:
        """See `JobService.pause`."""
        now = self._now()
        job = await self._lifecycle.pause(job_id, now)
        await self._wait(await self._tasks.may_start_until(job_id), self._clock)
        return JobView.of(job, now)

    async def resume(self, job_id: str) -> JobView:
        """See `JobService.resume`."""
        now = self._now()
        await self._lifecycle.resume(job_id, now)
        return await self._gone_on(job_id, now)

    async def trigger(self, job_id: str, *, key: str | None = None) -> OccurrenceView:
        """See `JobService.trigger`."""
        now = self._now()
        request = key or new_id(now)
        minting(request)
        with self._traced(job_id) as trace:
            tasks = await self._lifecycle.trigger(job_id, request, now, trace)
        self._poke(now)
        return _occurrence(tasks)

    async def skip_next(self, job_id: str) -> OccurrenceView:
        """See `JobService.skip_next`."""
        now = self._now()
        tasks = await self._lifecycle.skip_next(job_id, now)
        await self._gone_on(job_id, now)
        return _occurrence(tasks)

    async def _gone_on(self, job_id: str, now: datetime) -> JobView:
        """Ends the job if nothing is left of it, and tells the scheduler that things have changed."""
        await self._jobs.settle([job_id], now)
        self._poke(now)
        return JobView.of(existing(await self._jobs.get(job_id), "job", job_id), now)

    async def _cancel_first(self, job_id: str, now: datetime, version: int | None) -> Job | None:
        """A job that has completed has nothing left to cancel, but those that it submitted may: also when
        somebody asks again who was not answered."""
        try:
            return await self._cancel_one(job_id, now, version)
        except Outdated:
            raise
        except Conflict:
            if not await self._descendants(job_id, {*LIVE_STATES, JobState.CANCELLED}):
                raise
            return await self._jobs.get(job_id)

    async def _cancel_one(self, job_id: str, now: datetime, version: int | None = None) -> Job | None:
        job = await self._jobs.cancel(job_id, now, version)
        if job is not None and job.finished_at == now:
            self._metrics.cancelled.inc()
        return job

    async def _cancel_descendant(self, job_id: str, now: datetime) -> bool:
        """False when nobody here understands it: written by a later version, or by hand."""
        try:
            with suppress(Conflict):  # it has completed meanwhile
                await self._cancel_one(job_id, now)
        except (ValueError, LookupError, TypeError):
            return False
        return True

    async def _descendants(self, job_id: str, states: Iterable[JobState]) -> Sequence[str]:
        found: list[str] = []
        wanted, after = frozenset(states), None
        while page := await self._jobs.descendants(job_id, wanted, after, _PAGE):
            found += page
            after = page[-1]
        return found

    def _traced(self, job_id: str) -> AbstractContextManager[Trace | None]:
        return nullcontext() if self._traces is None else self._traces.trigger(job_id)

    def _now(self) -> datetime:
        return floor_millis(self._clock.now())


async def _gathered(calls: Iterable[Awaitable[T]]) -> Sequence[T]:
    """The answers of all calls, a few of which go on at the same time."""
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with free:
            return await call

    return await asyncio.gather(*map(one, calls))


def _occurrence(tasks: Sequence[Task]) -> OccurrenceView:
    first = tasks[0]
    views = tuple(map(TaskView.of, tasks))
    return OccurrenceView(job_id=first.job_id, cause=first.cause, instant=first.instant, tasks=views)
