"""What the scheduler's actor is made of."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from ipaddress import ip_address

import structlog
from prometheus_client import CollectorRegistry

from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host
from karya.actors.cluster.names import SCHEDULER
from karya.actors.cluster.owners import is_dead, new_owner
from karya.actors.cluster.ray_runtime import node_ip
from karya.actors.inbox import Inbox
from karya.actors.leading import Leadership
from karya.actors.metrics import SchedulerMetrics
from karya.actors.scheduler import Scheduler
from karya.core.clock import SystemClock
from karya.core.errors import ConfigError, StoreUnavailable
from karya.core.ports import PoolLoad
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.settings import QueueSettings
from karya.queue.dispatcher import Dispatcher
from karya.store.blocking_provider import MongoBlockingStore

log = structlog.get_logger("karya.actor")

_HAND_OVER_SECONDS = 5.0
_HAND_OVER_PAUSE = 0.05


class SchedulerParts:
    """The scheduler in its thread, and its dispatcher on the event loop."""

    def __init__(self, ground: Ground) -> None:
        self._settings = settings = ground.settings
        self.metrics = SchedulerMetrics()
        self.clock = SystemClock()
        self.store = MongoBlockingStore(settings.store, ground.url, self.metrics.round_trip)
        self.inbox = Inbox()
        self.dispatcher = Dispatcher(
            settings.queue,
            self.clock.monotonic,
            on_room=self.inbox.wake,
            on_poke=self.inbox.poke,
            on_lost=self.inbox.put_back,
            keys=ground.keys,
            pools=settings.all_pools,
        )
        self.scheduler: Scheduler | None = None
        self._owner = new_owner(SCHEDULER)

    async def open(self, host: Host) -> None:
        """Starts all of it. The scheduler is told where its dispatcher listens, for it to publish."""
        endpoint = await self.dispatcher.start(advertised(self._settings.queue, node_ip))
        leadership = Leadership(
            owner=self._owner,
            endpoint=endpoint,
            ttl=self._settings.scheduler.lease,
            locks=self.store.locks,
            clock=self.clock,
            sync_clock=lambda: self.store.measure(self.clock),
            is_dead=is_dead,
        )
        self.scheduler = Scheduler(
            leadership=leadership,
            inbox=self.inbox,
            settings=self._settings.scheduler,
            agenda=self.store.agenda,
            admissions=self.store.admissions,
            limits=self.store.limits,
            producer=self.dispatcher,
            clock=self.clock,
            metrics=self.metrics,
            pools=self._settings.all_pools,
        )
        host.keep(self.dispatcher.run(), "dispatcher")
        host.keep(asyncio.to_thread(self.scheduler.run), "scheduler")

    async def close(self) -> None:
        """Gives up the leadership and stops what `open` started."""
        self.inbox.stop()
        await self.dispatcher.stop()

    async def hand_over(self) -> None:
        """The same, but lets the dispatcher say farewell only once another scheduler leads, so that workers
        find that one at once."""
        self.inbox.stop()
        await asyncio.to_thread(self._await_successor)
        await self.dispatcher.stop()

    def _await_successor(self) -> None:
        deadline = self.clock.monotonic() + _HAND_OVER_SECONDS
        try:
            while (holder := self.store.locks.holder(SCHEDULER_LOCK)) is None or holder.owner == self._owner:
                if self.clock.monotonic() > deadline:
                    log.warning("no_successor", seconds=_HAND_OVER_SECONDS)
                    return
                time.sleep(_HAND_OVER_PAUSE)
        except StoreUnavailable as error:
            log.warning("no_successor", error=str(error))

    def loads(self) -> Mapping[str, PoolLoad]:
        """How each pool stands. What waits for it is what is known to be due: of a large backlog, the part
        that has been read."""
        loads = {pool: self.dispatcher.load(pool) for pool in self._settings.all_pools}
        if self.scheduler is None:
            return loads
        due = {pool: self.scheduler.due(pool) for pool in loads}
        return {pool: replace(load, waiting=load.waiting + due[pool]) for pool, load in loads.items()}

    def figures(self) -> CollectorRegistry:
        """The metrics, with those that are read from the queue."""
        for pool, load in self.loads().items():
            self.metrics.workers.labels(pool).set(load.workers)
            self.metrics.waiting.labels(pool).set(load.waiting)
            self.metrics.running.labels(pool).set(load.running)
            self.metrics.free.labels(pool).set(load.free)
        self.metrics.dropped_frames.set(self.dispatcher.dropped_frames)
        self.metrics.refused_connections.set(self.dispatcher.refused_connections)
        return self.metrics.registry


def advertised(queue: QueueSettings, node: Callable[[], str]) -> str | None:
    """Under which name or address the others find the dispatcher; None for that at which it listens. `node`
    tells the address of this node, for one that listens at all of them. Raises ConfigError when that is
    no address for others."""
    if queue.advertise is not None or not queue.is_everywhere:
        return queue.advertise
    address = node()
    if ip_address(address).is_loopback:
        raise ConfigError(
            f"queue.host {queue.host} is all addresses of this node, and Ray knows it as {address} only: "
            "name the one for the workers in queue.advertise"
        )
    return address
