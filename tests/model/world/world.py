"""The real store and the real plain actors, on time that stands still and a driver that breaks on request."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime, timedelta
from typing import Any

from karya.actors.historian import Historian
from karya.actors.inbox import Inbox
from karya.actors.janitor import Janitor
from karya.actors.leading import Leadership
from karya.actors.metrics import SchedulerMetrics, ServerMetrics, WorkerMetrics
from karya.actors.reporter import Reporter
from karya.actors.scheduler import Scheduler
from karya.actors.server.steering import Steering
from karya.actors.submitter import Submitter
from karya.core.hint import Hint
from karya.core.ids import fixed_id
from karya.core.ports import Commits
from karya.core.settings import SchedulerSettings
from karya.store.admissions import MongoAdmissions
from karya.store.agenda import MongoAgenda
from karya.store.claims import MongoClaims
from karya.store.commits import MongoCommits
from karya.store.jobs import MongoJobs
from karya.store.letters import MongoLetters
from karya.store.lifecycle import MongoLifecycle
from karya.store.limits import MongoLimits
from karya.store.locks import MongoLocks
from karya.store.retention import MongoRetention
from karya.store.slots import MongoSlots
from karya.store.tasks import MongoTasks
from tests.model.snapshot import Snapshot
from tests.model.world.databases import Databases
from tests.model.world.faults import Faults
from tests.model.world.ports import Offers
from tests.model.world.proxies import FaultyDatabase
from tests.model.world.time import Time
from tests.support.held_clock import HeldClock


class World:
    """Everything of one example."""

    def __init__(self, databases: Databases) -> None:
        databases.clear()
        self.loop, self._raw = databases.loop, databases.raw
        self.time, self.faults, self.offers = Time(), Faults(), Offers()
        self.clock = HeldClock(self.time)
        self.faults.run = self._run
        self._blocking = FaultyDatabase(databases.blocking, self.faults, blocking=True)
        self.database = FaultyDatabase(databases.asynchronous, self.faults, blocking=False)
        self.jobs, self.tasks = MongoJobs(self.database), MongoTasks(self.database)
        self.lifecycle, self.letters = MongoLifecycle(self.database), MongoLetters(self.database)
        self.slots, self.commits = MongoSlots(self.database), MongoCommits(self.database)
        self.claims = MongoClaims(self.database, now=lambda: self.time.now)
        self.dead: set[str] = set()
        self.inboxes: list[Inbox] = []
        self.server_metrics, self.worker_metrics = ServerMetrics(), WorkerMetrics()
        self._scheduler_metrics = SchedulerMetrics()
        self._numbers = 0
        steering = self.steering()
        self.janitor = Janitor(
            self.claims,
            self.commits,
            self.jobs,
            self.slots,
            self.clock,
            timedelta(seconds=5),
            self.server_metrics,
            steering.cancel,
            self.poke,
        )
        retention, every = MongoRetention(self.database), timedelta(seconds=5)
        self.historian = Historian(retention, self.clock, every, self.server_metrics, lambda: 0.0)

    async def sweep(self) -> None:
        """The janitor's round, and the historian's."""
        await self.janitor.sweep()
        await self.historian.sweep()

    def snapshot(self) -> Snapshot:
        """What is stored now."""
        return Snapshot.of(self._raw)

    def errors(self) -> Sequence[Any]:
        """The error logs."""
        return list(self._raw["error_logs"].find({}, {"task_id": 1}))

    def name(self, kind: str) -> str:
        """An id of this moment, the same whenever the example is run."""
        self._numbers += 1
        return fixed_id(self.time.now, kind, str(self._numbers))

    def _run(self, meanwhile: Awaitable[None]) -> None:
        """For a blocking caller: in the thread of the loop, which then stands still, or in another one."""
        if self.loop.is_running():
            asyncio.run_coroutine_threadsafe(_awaited(meanwhile), self.loop).result()
        else:
            self.loop.run_until_complete(meanwhile)

    def weigh(self, user: str, weight: int) -> None:
        """A user has this weight from now on."""
        self._raw["users"].update_one({"_id": user}, {"$set": {"name": user, "weight": weight}}, upsert=True)

    def poke(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        """Every scheduler hears of it."""
        for inbox in self.inboxes:
            inbox.poke(due_at, told)

    def steering(self) -> Steering:
        """A server's, which waits by held time."""
        parts = (self.jobs, self.tasks, self.lifecycle, self.clock, self.server_metrics, self.poke)
        return Steering(*parts, wait=self.time.reached)

    def submitter(self) -> Submitter:
        """A worker's, for chained actions."""
        return Submitter(self.jobs, self.tasks, self.clock, lambda _: None, self.poke, max_depth=3)

    def reporter(self, commits: Commits) -> Reporter:
        """A worker's."""
        return Reporter(commits, self.jobs, self.slots, self.clock, self.worker_metrics, self.poke, rest=0)

    def scheduler(self, owner: str) -> Scheduler:
        """One that knows nothing yet."""
        inbox = Inbox()
        self.inboxes.append(inbox)
        settings = SchedulerSettings()
        leadership = Leadership(
            owner=owner,
            endpoint=f"tcp://{owner}",
            ttl=settings.lease,
            locks=MongoLocks(self._blocking, now=lambda: self.time.now),
            clock=self.clock,
            sync_clock=lambda: None,
            is_dead=self.dead.__contains__,
        )
        scheduler = Scheduler(
            leadership=leadership,
            inbox=inbox,
            settings=settings,
            agenda=MongoAgenda(self._blocking),
            admissions=MongoAdmissions(self._blocking),
            limits=MongoLimits(self._blocking, now=lambda: self.time.now),
            producer=self.offers,
            clock=self.clock,
            metrics=self._scheduler_metrics,
        )
        for lane in scheduler._lanes.values():
            self.offers.overhear(lane.timetable)
        return scheduler


async def _awaited(meanwhile: Awaitable[None]) -> None:
    await meanwhile
