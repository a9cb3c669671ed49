"""Composition: which implementation stands behind which port. Read this file to know what talks to what."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry

from karya.actors.cluster.host import Host, is_dead, keep_time, new_owner
from karya.actors.cluster.names import SCHEDULER, SERVER
from karya.actors.inbox import Inbox
from karya.actors.janitor import Janitor
from karya.actors.metrics import Figures, SchedulerMetrics, ServerMetrics, WorkerMetrics
from karya.actors.reporter import Reporter
from karya.actors.scheduler import LOCK, Scheduler
from karya.actors.server import Probe, Server
from karya.actors.worker import Worker
from karya.api.serve import Gateway
from karya.connectors.registry import ConnectorRegistry, action_types, load_connectors
from karya.core.clock import SystemClock
from karya.core.job import spec_model
from karya.core.ports import Resolve
from karya.core.settings import Settings
from karya.queue.consumer import WorkerSocket
from karya.queue.dispatcher import Dispatcher
from karya.queue.wire import Role
from karya.store.provider import MongoBlockingStore, MongoStore

_SWITCH_SECONDS = 0.0005
"""The interpreter's switch interval where a thread and an event loop share the work: with the usual 5 ms,
each would wait that long for the other."""


def dispatcher_endpoint(store: MongoStore) -> Resolve:
    """The leading scheduler publishes where its dispatcher listens in the lock that it holds."""

    async def resolve() -> str | None:
        holder = await store.directory.holder(LOCK)
        return holder.info.get("endpoint") if holder else None

    return resolve


class ServerParts:
    """The server, its gateway and its janitor."""

    def __init__(
        self,
        settings: Settings,
        url: str,
        probes: Mapping[str, Probe],
        gather: Callable[[], Awaitable[Iterable[Figures]]],
    ) -> None:
        self.metrics = ServerMetrics()
        self.clock = SystemClock()
        self.store = MongoStore(settings.store, url)
        resolve = dispatcher_endpoint(self.store)
        owner = new_owner(SERVER)
        self.poker = WorkerSocket(settings.queue, owner, resolve, self.clock.monotonic, role=Role.CLIENT)
        self.server = Server(
            spec_type=spec_model(action_types(load_connectors())),
            jobs=self.store.jobs,
            tasks=self.store.tasks,
            error_logs=self.store.error_logs,
            users=self.store.users,
            clock=self.clock,
            metrics=self.metrics,
            poke=self.poker.poke,
            probes={"mongodb": self._mongodb, "queue": self._queue, **probes},
            gather=gather,
        )
        self.gateway = Gateway(self.server, settings.gateway)
        self.janitor = Janitor(
            claims=self.store.claims,
            commits=self.store.commits,
            jobs=self.store.jobs,
            clock=self.clock,
            interval=settings.scheduler.sweep,
            metrics=self.metrics,
            poke=self.poker.poke,
        )

    async def _mongodb(self) -> str | None:
        await self.store.ping()
        return None

    async def _queue(self) -> str | None:
        return None if self.poker.connected else "not connected to the scheduler yet: jobs would start late"

    async def open(self, host: Host) -> None:
        """Starts all of it."""
        await self.poker.start()
        await self.gateway.start()
        host.keep(keep_time(self.store.measure, self.clock), "clock")
        host.keep(self.janitor.run(), "janitor")

    async def close(self) -> None:
        """Stops what `open` started."""
        await self.gateway.stop()
        await self.poker.stop()
        self.store.close()


class SchedulerParts:
    """The scheduler in its thread, and its dispatcher on the event loop."""

    def __init__(self, settings: Settings, url: str) -> None:
        self._settings = settings
        self.metrics = SchedulerMetrics()
        self.clock = SystemClock()
        self.store = MongoBlockingStore(settings.store, url)
        self.inbox = Inbox()
        self.dispatcher = Dispatcher(
            settings.queue,
            self.clock.monotonic,
            on_room=self.inbox.wake,
            on_poke=self.inbox.poke,
            on_lost=self.inbox.put_back,
        )
        self.scheduler: Scheduler | None = None

    async def open(self, host: Host) -> None:
        """Starts all of it. The scheduler is told where its dispatcher listens, for it to publish."""
        self.scheduler = Scheduler(
            owner=new_owner(SCHEDULER),
            endpoint=await self.dispatcher.start(),
            inbox=self.inbox,
            settings=self._settings.scheduler,
            agenda=self.store.agenda,
            locks=self.store.locks,
            producer=self.dispatcher,
            clock=self.clock,
            metrics=self.metrics,
            sync_clock=lambda: self.store.measure(self.clock),
            is_dead=is_dead,
        )
        sys.setswitchinterval(_SWITCH_SECONDS)
        host.keep(self.dispatcher.run(), "dispatcher")
        host.keep(asyncio.to_thread(self.scheduler.run), "scheduler")

    async def close(self) -> None:
        """Gives up the leadership and stops what `open` started."""
        self.inbox.stop()
        await self.dispatcher.stop()

    def figures(self) -> CollectorRegistry:
        """The metrics, with those that are read from the queue."""
        self.metrics.workers.set(len(self.dispatcher.workers()))
        self.metrics.dropped_frames.set(self.dispatcher.dropped_frames)
        return self.metrics.registry


class WorkerParts:
    """A worker with its socket and its connectors."""

    def __init__(self, name: str, settings: Settings, url: str) -> None:
        owner = new_owner(name)
        self.metrics = WorkerMetrics()
        self.clock = SystemClock()
        self.store = MongoStore(settings.store, url)
        self.connectors = ConnectorRegistry(load_connectors())
        self.socket = WorkerSocket(
            settings.queue, owner, dispatcher_endpoint(self.store), self.clock.monotonic
        )
        reporter = Reporter(self.store.commits, self.store.jobs, self.clock, self.metrics, self.socket.poke)
        self.worker = Worker(
            owner=owner,
            settings=settings.worker,
            consumer=self.socket,
            claims=self.store.claims,
            reporter=reporter,
            actions=self.connectors,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def open(self, host: Host) -> None:
        """Starts all of it."""
        await self.connectors.open_all()
        await self.socket.start()
        host.keep(keep_time(self.store.measure, self.clock), "clock")
        host.keep(self.worker.keep_leases(), "leases")
        host.keep(self.worker.run(), "worker")

    async def close(self) -> None:
        """Drains the worker, then stops what `open` started."""
        await self.worker.drain()
        await self.socket.stop()
        await self.connectors.close_all()
