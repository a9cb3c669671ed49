"""How the cluster stands, put together from what its parts say."""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram

from karya.actors.metrics import Figures, figures
from karya.actors.overview import Overview
from karya.core.job import JobState
from karya.core.ports import LockHolder, PoolLoad, WorkerInfo
from karya.core.ports.census import MOST_PARKED, LimitKind, Parked
from karya.core.ports.overview import Chain, OpenTask, Standing
from karya.core.task import TaskState
from karya.core.views.overview import AtLeast
from tests.conformance.store.kit import HeldTime
from tests.support.held_clock import HeldClock
from tests.support.story import NOW, at, every


class Tallied:
    """Implements `Tallies`."""

    def __init__(self) -> None:
        self.due: list[datetime] = []
        self.limited: dict[LimitKind, Parked] = {}
        self.found: list[Chain] = []
        self.open: list[OpenTask] = []
        self.asked: list[str | None] = []

    async def ready(self, pools: Collection[str], since: datetime | None, until: datetime, most: int) -> int:
        assert list(pools) == ["default"]
        return min(sum((since is None or at > since) and at <= until for at in self.due), most)

    async def parked(self, most: int) -> Mapping[LimitKind, Parked]:
        return self.limited

    async def dead(self, user_id: str | None, most: int) -> int:
        self.asked.append(user_id)
        return most

    async def jobs(self, status: JobState, user_id: str | None, most: int) -> int:
        self.asked.append(user_id)
        return 4 if status is JobState.ACTIVE else 1

    async def chains(self, until: datetime, limit: int) -> Sequence[Chain]:
        return self.found

    async def open_of(self, user_id: str, jobs: int, limit: int) -> Sequence[OpenTask]:
        self.asked.append(user_id)
        return self.open


class Counting:
    """The counters of one worker that the overview reads, by the names under which they are exposed."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.succeeded = Counter("karya_executor_task_success_execution_count", "x", registry=registry)
        self.failed = Counter("karya_executor_task_failed_execution_count", "x", registry=registry)
        bounds = (0.001, 0.0025)
        self.lag = Histogram("karya_task_start_lag_seconds", "x", registry=registry, buckets=bounds)


class Parts:
    """What the overview asks besides."""

    def __init__(self) -> None:
        crew = [WorkerInfo("b", 90, 10), WorkerInfo("a", 95, 5)]
        self.standing: Standing | None = Standing(True, crew, {"default": PoolLoad(2, 185, 15, 3)})
        self.workers = [Counting(), Counting()]

    async def says(self) -> Standing | None:
        return self.standing

    async def holder(self) -> LockHolder | None:
        return LockHolder("scheduler@here", 1, {})

    async def gather(self) -> Iterable[Figures]:
        return [figures(f"w{n}", worker.registry) for n, worker in enumerate(self.workers)]


@pytest.fixture
def tallied() -> Tallied:
    return Tallied()


@pytest.fixture
def parts() -> Parts:
    return Parts()


@pytest.fixture
def overview(tallied: Tallied, parts: Parts) -> Overview:
    return Overview(tallied, ["default"], HeldClock(HeldTime()), parts.says, parts.holder, parts.gather)


async def test_those_who_ask_at_the_same_time_share_a_look(overview: Overview) -> None:
    one, other = await asyncio.gather(overview.overview(None), overview.overview(None))
    assert one is other
    anns, later = await asyncio.gather(overview.overview("ann"), overview.overview(None))
    assert anns is not one, "each sees what is theirs"
    assert later is not one
    assert await overview.overview(None, within=60) is later


async def test_of_everybody(overview: Overview, tallied: Tallied, parts: Parts) -> None:
    tallied.due = [at(-5), at(-0.2), at(10), at(400)]
    for worker in parts.workers:
        worker.succeeded.inc(3)
        worker.failed.inc()
        worker.lag.observe(0.002)
    view = await overview.overview(None)
    assert (view.scheduler, view.leads, view.at) == ("scheduler@here", True, NOW)
    assert (view.due.count, view.late.count, view.failed) == (2, 1, AtLeast(count=1000, more=True))
    assert view.running == AtLeast(count=15)
    assert (view.active.count, view.paused.count) == (4, 1)
    assert [worker.name for worker in view.workers] == ["a", "b"]
    assert (view.pools[0].name, view.pools[0].waiting) == ("default", 3)
    assert [share.count for share in view.hour] == [1, 1, *[0] * 10]
    assert (view.counters.succeeded, view.counters.failed) == (6, 2)
    counts = {bucket.seconds: bucket.count for bucket in view.counters.lag}
    assert (counts[0.001], counts[0.0025], counts[None]) == (0, 2, 2)
    assert set(tallied.asked) == {None}


async def test_what_waits_for_limits(overview: Overview, tallied: Tallied) -> None:
    view = await overview.overview(None)
    assert (view.limited, view.limited_since) == (AtLeast(count=0), None)
    tallied.limited = {LimitKind.RATE: Parked(), LimitKind.CONCURRENCY: Parked(5, at(-9))}
    view = await overview.overview(None)
    assert (view.limited, view.limited_since, view.due.count) == (AtLeast(count=5), at(-9), 0)
    tallied.limited[LimitKind.RATE] = Parked(MOST_PARKED - 5, at(-12))
    view = await overview.overview(None)
    assert (view.limited, view.limited_since) == (AtLeast(count=MOST_PARKED, more=True), at(-12))


async def test_the_next_hour_follows_schedules(overview: Overview, tallied: Tallied) -> None:
    tallied.found = [
        Chain(every(60), NOW, at(60), 1),  # the first is a task already
        Chain(every(1, max_runs=5), NOW, at(1), 1),
        Chain(every(60), at(-600), at(-300), 5),  # behind: what it makes up is not of the next hour
    ]
    hour = [share.count for share in (await overview.overview(None)).hour]
    assert hour[0] == 4 + 4 + 5
    assert hour[1:] == [10] * 11


async def test_of_one_user(overview: Overview, tallied: Tallied) -> None:
    tallied.open = [
        OpenTask(TaskState.READY, False, at(-5)),
        OpenTask(TaskState.READY, True, at(-5)),
        OpenTask(TaskState.READY, True, at(-7), parked=True),
        OpenTask(TaskState.CANCELLED, True, at(-9), parked=True),
        OpenTask(TaskState.BLOCKED, False, at(-5)),
        OpenTask(TaskState.RUNNING, False, at(-9)),
        OpenTask(TaskState.READY, False, at(-0.1)),
        OpenTask(TaskState.READY, False, at(301)),
    ]
    view = await overview.overview("ann")
    assert (view.due.count, view.late.count, view.limited.count) == (2, 1, 1)
    assert view.limited_since == at(-7)
    assert view.running == AtLeast(count=1), "those of others are not theirs"
    assert [share.count for share in view.hour] == [0, 1, *[0] * 10]
    assert set(tallied.asked) == {"ann"}


async def test_without_a_scheduler(overview: Overview, parts: Parts) -> None:
    parts.standing = None
    view = await overview.overview(None)
    assert (view.leads, view.running, view.pools, view.workers) == (False, None, (), ())


async def test_the_next_hour_is_looked_at_now_and_then(tallied: Tallied, parts: Parts) -> None:
    time = HeldTime()
    overview = Overview(tallied, ["default"], HeldClock(time), parts.says, parts.holder, parts.gather)
    before = (await overview.overview(None)).hour
    tallied.due = [at(100)]
    assert (await overview.overview(None)).hour == before
    time.advance(16)
    assert (await overview.overview(None)).hour != before
