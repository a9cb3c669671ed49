"""How the cluster stands: counts of the store, what the scheduler knows of the workers, what they counted."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from karya.actors.metrics import Figures
from karya.actors.shared import Shared
from karya.core.job import JobState
from karya.core.ports import Clock, LockHolder
from karya.core.ports.census import LATE, MOST_PARKED
from karya.core.ports.overview import Chain, OpenTask, Standing, Tallies
from karya.core.task import TaskState
from karya.core.times import floor_millis
from karya.core.views.overview import (
    AtLeast,
    Counters,
    LagBucket,
    OverviewView,
    PoolStanding,
    WorkerLoad,
)

SHARE = timedelta(minutes=5)
SHARES = 12

_MOST_TASKS = 10_000
_MOST_DEAD = 1_000
_MOST_JOBS = 10_000
_MOST_CHAINS = 500
_MOST_IN_SHARE = 5_000
_MOST_OF_CHAIN = 1_000
_USERS_JOBS = 200
_HOUR_KEPT_SECONDS = 15.0
_MOST_REMEMBERED = 1_000

_SUCCEEDED = "karya_executor_task_success_execution_count"
_FAILED = "karya_executor_task_failed_execution_count"
_LAG = "karya_task_start_lag_seconds_bucket"

Hour = tuple[AtLeast, ...]


class _Open(NamedTuple):
    """What runs, is due, or will be within the hour."""

    running: AtLeast | None
    due: AtLeast
    late: AtLeast
    limited: AtLeast
    limited_since: datetime | None
    hour: Hour


class Overview:
    """Implements `OverviewService`. Those who ask at the same time share a look. The next hour is looked at
    four times a minute at most: it moves slowly, and takes the schedules of some hundred jobs."""

    def __init__(
        self,
        tallies: Tallies,
        pools: Collection[str],
        clock: Clock,
        standing: Callable[[], Awaitable[Standing | None]],
        holder: Callable[[], Awaitable[LockHolder | None]],
        gather: Callable[[], Awaitable[Iterable[Figures]]],
    ) -> None:
        self._tallies = tallies
        self._pools = tuple(pools)
        self._clock = clock
        self._standing = standing
        self._holder = holder
        self._gather = gather
        self._kept: tuple[float, Hour] | None = None
        self._looks: dict[str | None, Shared[OverviewView]] = {}

    async def overview(self, user_id: str | None, within: float = 0.0) -> OverviewView:
        """See `OverviewService.overview`."""
        if user_id not in self._looks:
            if len(self._looks) >= _MOST_REMEMBERED:
                self._looks.clear()
            self._looks[user_id] = Shared(partial(self._look, user_id))
        return await self._looks[user_id].within(within)

    async def _look(self, user_id: str | None) -> OverviewView:
        now = floor_millis(self._clock.now())
        standing, holder, figures = await asyncio.gather(self._standing(), self._holder(), self._gather())
        tasks, failed, active, paused = await asyncio.gather(
            self._of_user(user_id, now) if user_id else self._of_all(now, standing),
            self._tallies.dead(user_id, _MOST_DEAD),
            self._tallies.jobs(JobState.ACTIVE, user_id, _MOST_JOBS),
            self._tallies.jobs(JobState.PAUSED, user_id, _MOST_JOBS),
        )
        return OverviewView(
            at=now,
            scheduler=holder.owner if holder else None,
            leads=standing is not None and standing.leads,
            failed=AtLeast.of(failed, _MOST_DEAD),
            active=AtLeast.of(active, _MOST_JOBS),
            paused=AtLeast.of(paused, _MOST_JOBS),
            **tasks._asdict(),
            pools=tuple(_pools(standing)),
            workers=tuple(_workers(standing)),
            counters=counters(figures),
        )

    async def _of_all(self, now: datetime, standing: Standing | None) -> _Open:
        due, late, parked, hour = await asyncio.gather(
            self._tallies.ready(self._pools, None, now, _MOST_TASKS),
            self._tallies.ready(self._pools, None, now - LATE, _MOST_TASKS),
            self._tallies.parked(MOST_PARKED),
            self._hour(now),
        )
        return _Open(
            running=AtLeast(count=sum(w.running for w in standing.crew)) if standing else None,
            due=AtLeast.of(due, _MOST_TASKS),
            late=AtLeast.of(late, _MOST_TASKS),
            limited=AtLeast.of(sum(kind.count for kind in parked.values()), MOST_PARKED),
            limited_since=min((kind.since for kind in parked.values() if kind.since), default=None),
            hour=hour,
        )

    async def _of_user(self, user_id: str, now: datetime) -> _Open:
        tasks = await self._tallies.open_of(user_id, _USERS_JOBS, _MOST_TASKS)
        ready = [task for task in tasks if task.status is TaskState.READY]
        due = [task.due_at for task in ready if not task.held]
        limited = [task.due_at for task in ready if task.parked]
        counted = partial(AtLeast, more=len(tasks) >= _MOST_TASKS)
        return _Open(
            running=counted(count=sum(task.status is TaskState.RUNNING for task in tasks)),
            due=counted(count=sum(at <= now for at in due)),
            late=counted(count=sum(at <= now - LATE for at in due)),
            limited=counted(count=len(limited)),
            limited_since=min(limited, default=None),
            hour=tuple(counted(count=count) for count in _shares(ready, now)),
        )

    async def _hour(self, now: datetime) -> Hour:
        kept, at = self._kept, self._clock.monotonic()
        if kept is None or kept[0] < at:
            kept = self._kept = (at + _HOUR_KEPT_SECONDS, await self._look_ahead(now))
        return kept[1]

    async def _look_ahead(self, now: datetime) -> Hour:
        bounds = [now + SHARE * number for number in range(SHARES + 1)]
        made = await asyncio.gather(
            *(
                self._tallies.ready(self._pools, since, until, _MOST_IN_SHARE)
                for since, until in pairwise(bounds)
            )
        )
        chains = await self._tallies.chains(bounds[-1], _MOST_CHAINS)
        ahead: Counter[int] = Counter()
        for chain in chains:
            ahead.update(_ahead(chain, bounds))
            await asyncio.sleep(0)  # others are waiting for the loop
        more = len(chains) >= _MOST_CHAINS
        return tuple(
            AtLeast.of(count, _MOST_IN_SHARE).plus(AtLeast(count=ahead[number], more=more))
            for number, count in enumerate(made)
        )


def _ahead(chain: Chain, bounds: Sequence[datetime]) -> Counter[int]:
    """How many instants that have no tasks yet lie in each share."""
    counts: Counter[int] = Counter()
    anchor, seen, at = chain.schedule.anchor(chain.created_at), chain.seen, chain.at
    most = chain.schedule.max_runs
    for number, until in enumerate(bounds[1:]):
        if until <= at:
            continue
        left = _MOST_OF_CHAIN if most is None else max(min(_MOST_OF_CHAIN, most - seen), 0)
        passed = chain.schedule.run_past(anchor, at, until, left)
        if at < bounds[0]:  # behind its time: what it has to make up is due, not ahead
            passed_before = chain.schedule.run_past(anchor, at, bounds[0], left)
            counts[number] -= passed_before.count
        counts[number] += passed.count
        seen, at = seen + passed.count, max(at, until)
    return counts


def _shares(ready: Iterable[OpenTask], now: datetime) -> Iterator[int]:
    counts = Counter((task.due_at - now) // SHARE for task in ready if task.due_at > now)
    return (counts[number] for number in range(SHARES))


def _pools(standing: Standing | None) -> Iterator[PoolStanding]:
    for name, load in standing.pools.items() if standing else ():
        yield PoolStanding(
            name=name, workers=load.workers, running=load.running, free=load.free, waiting=load.waiting
        )


def _workers(standing: Standing | None) -> Iterator[WorkerLoad]:
    for worker in sorted(standing.crew, key=lambda w: (w.pool, w.owner)) if standing else ():
        yield WorkerLoad(name=worker.owner, pool=worker.pool, running=worker.running, free=worker.free)


def counters(parts: Iterable[Figures]) -> Counters:
    """What the workers counted, all together."""
    sums: Counter[str] = Counter()
    lag: Counter[str] = Counter()
    for sample in (sample for part in parts for family in part.families for sample in family.samples):
        _count(sample, sums, lag)
    buckets = sorted((float(bound), int(count)) for bound, count in lag.items())
    return Counters(
        succeeded=sums[_SUCCEEDED],
        failed=sums[_FAILED],
        lag=tuple(LagBucket(seconds=None if b == float("inf") else b, count=n) for b, n in buckets),
    )


def _count(sample: Any, sums: Counter[str], lag: Counter[str]) -> None:
    if sample.name == _LAG:
        lag[sample.labels["le"]] += sample.value
    elif (name := sample.name.removesuffix("_total")) in (_SUCCEEDED, _FAILED):
        sums[name] += int(sample.value)
