"""Schedulers in their threads, on the real store, with a producer that remembers what it was offered."""

import asyncio
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from karya.actors.inbox import Inbox
from karya.actors.leading import Leadership
from karya.actors.metrics import SchedulerMetrics
from karya.actors.scheduler import Scheduler
from karya.core.clock import SystemClock
from karya.core.hint import Hint
from karya.core.job import Job
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import WorkerInfo
from karya.core.schedule import Once, Schedule
from karya.core.settings import SchedulerSettings
from karya.core.times import floor_millis
from tests.conformance.store.kit import StoreKit
from tests.support.soon import soon
from tests.support.story import a_job, submission

CLOCK = SystemClock()
SELDOM = timedelta(seconds=50)
"""Later than any test waits for something."""
OFTEN = timedelta(milliseconds=20)


def now() -> datetime:
    return floor_millis(CLOCK.now())


def from_now(seconds: float) -> datetime:
    return floor_millis(CLOCK.now() + timedelta(seconds=seconds))


class Offers:
    """Implements `Producer`; `on_offer` is called in the scheduler's thread before anything is noted."""

    def __init__(self) -> None:
        self.hints: list[Hint] = []
        self.times: list[datetime] = []
        self.left = 1_000_000
        self.shut: set[str] = set()
        """The pools that take nothing."""
        self.on_offer: Callable[[Sequence[Hint]], object] = lambda _: None
        self._lock = threading.Lock()

    @property
    def jobs(self) -> list[str]:
        """Whose tasks were offered, in order."""
        with self._lock:
            return [hint.job_id for hint in self.hints]

    def offer(self, hints: Iterable[Hint]) -> None:
        offered = list(hints)
        self.on_offer(offered)
        with self._lock:
            self.left -= len(offered)
            self.hints += offered
            self.times += [CLOCK.now()] * len(offered)

    def room(self, pool: str = DEFAULT_POOL) -> int:
        return 0 if pool in self.shut else self.left

    def surplus(self, pool: str = DEFAULT_POOL) -> Sequence[Hint]:
        return ()

    def workers(self) -> Sequence[WorkerInfo]:
        return ()


@dataclass
class Post:
    """One scheduler and all that it holds on to."""

    scheduler: Scheduler
    inbox: Inbox
    offers: Offers
    metrics: SchedulerMetrics
    thread: asyncio.Task[None]

    def says(self, name: str, **labels: str) -> float:
        """What a metric says."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0

    @property
    def looks(self) -> float:
        """How often it has read from the start."""
        return self.says("karya_scheduler_task_fetch_seconds_count")

    async def leads(self) -> None:
        await soon(lambda: self.scheduler.leads, what="leads")

    async def offered(self, *jobs: Job, timeout: float = 20) -> None:
        """Waits until exactly these have been offered, in this order."""
        wanted = [job.id for job in jobs]
        await soon(lambda: len(self.offers.jobs) >= len(wanted), timeout, f"{len(wanted)} offers")
        assert self.offers.jobs == wanted

    async def stop(self) -> None:
        self.inbox.stop()
        await asyncio.wait_for(self.thread, 30)


class Desk:
    """Makes schedulers and jobs by the real clock; the locks expire by the held one."""

    def __init__(self, kit: StoreKit) -> None:
        self.kit = kit
        self.posts: list[Post] = []

    async def job(
        self, schedule: Schedule | float = 0, created_at: datetime | None = None, **fields: Any
    ) -> Job:
        """Stores a job; a number is in how many seconds its only task is due."""
        schedule = Once(at=from_now(schedule)) if isinstance(schedule, float | int) else schedule
        job = a_job(schedule, created_at=created_at or now(), **fields)
        await self.kit.add(submission(job))
        return job

    def scheduler(
        self,
        owner: str = "s",
        *,
        poll: timedelta = OFTEN,
        look_ahead: timedelta = timedelta(minutes=1),
        lease: timedelta = SELDOM,
        resend_after: timedelta = SELDOM,
        batch: int = 100,
        offers: Offers | None = None,
        agenda: Any = None,
        admissions: Any = None,
        limits: Any = None,
        locks: Any = None,
        is_dead: Callable[[str], bool] = lambda _: False,
        pools: Sequence[str] = (DEFAULT_POOL,),
        clock: SystemClock = CLOCK,
    ) -> Post:
        settings = SchedulerSettings(
            poll=poll,
            look_ahead=look_ahead,
            lease=lease,
            resend_after=resend_after,
            batch=batch,
            sweep=SELDOM,
        )
        inbox, offers, metrics = Inbox(), offers or Offers(), SchedulerMetrics()
        leadership = Leadership(
            owner=owner,
            endpoint=f"tcp://{owner}",
            ttl=settings.lease,
            locks=locks or self.kit.locks,
            clock=clock,
            sync_clock=lambda: None,
            is_dead=is_dead,
        )
        scheduler = Scheduler(
            leadership=leadership,
            inbox=inbox,
            settings=settings,
            agenda=agenda or self.kit.agenda,
            admissions=admissions or self.kit.admissions,
            limits=limits or self.kit.server_limits,
            producer=offers,
            clock=clock,
            metrics=metrics,
            pools=pools,
        )
        thread = asyncio.create_task(asyncio.to_thread(scheduler.run))
        post = Post(scheduler, inbox, offers, metrics, thread)
        self.posts.append(post)
        return post

    async def end(self) -> None:
        """Stops everything; a thread that died fails the test."""
        for post in self.posts:
            post.inbox.stop()
        ended = await asyncio.gather(*(post.thread for post in self.posts), return_exceptions=True)
        assert [error for error in ended if error is not None] == []
