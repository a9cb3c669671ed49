"""Composition: which implementation stands behind which port. Read this file to know what talks to what."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from karya.actors.accounts import Accounts
from karya.actors.auditor import LedgerAuditor
from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host, is_dead, keep_time, new_owner
from karya.actors.cluster.names import SCHEDULER, SERVER
from karya.actors.cluster.ray_runtime import node_ip
from karya.actors.cluster.remote import RayTasks
from karya.actors.inbox import Inbox
from karya.actors.janitor import Janitor
from karya.actors.letters import Letters
from karya.actors.metrics import Figures, SchedulerMetrics, ServerMetrics, WorkerMetrics
from karya.actors.overview import Overview
from karya.actors.reporter import Reporter
from karya.actors.scheduler import LOCK, Scheduler
from karya.actors.server import Probe, Server
from karya.actors.submitter import Submitter
from karya.actors.worker import Worker
from karya.api.serve import Gateway
from karya.api.services import Services
from karya.connectors.chain import spec_rules
from karya.connectors.registry import ConnectorRegistry, Connectors, load_connectors
from karya.connectors.rest.settings import private_by_default
from karya.core.chaining import child_id
from karya.core.clock import SystemClock
from karya.core.errors import ConfigError, StoreUnavailable
from karya.core.ports import AttemptContext, PoolLoad, Resolve, Tools
from karya.core.ports.overview import Standing
from karya.core.settings import LOOPBACK, QueueSettings, Settings
from karya.core.why import Crew
from karya.queue.consumer import WorkerSocket
from karya.queue.dispatcher import Dispatcher
from karya.queue.wire import Role
from karya.store.disk import free_bytes, full_disk
from karya.store.provider import MongoBlockingStore, MongoStore

log = structlog.get_logger("karya.actor")

_HAND_OVER_SECONDS = 5.0
_HAND_OVER_PAUSE = 0.05

_CENSUS_SECONDS = 2.0
"""As long as the other actors are waited for: Prometheus gives up after 10 s."""

_AUDIT_REST = 1.0
"""Beside the gateway an audit rests as long as it works."""


def dispatcher_endpoint(store: MongoStore) -> Resolve:
    """The leading scheduler publishes where its dispatcher listens in the lock that it holds."""

    async def resolve() -> str | None:
        holder = await store.directory.holder(LOCK)
        return holder.info.get("endpoint") if holder else None

    return resolve


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


def connectors_of(settings: Settings) -> Connectors:
    """The connectors as they are configured. What a gateway that serves loopback only is asked for may reach
    private targets; beyond it, they have to be allowed by name."""
    local = settings.gateway.host in LOOPBACK
    return load_connectors(private_by_default(settings.connectors, local))


def disk_of(settings: Settings) -> Callable[[], str | None]:
    """Looks at the disk of the embedded mongod; of another it knows nothing."""
    if settings.store.url is not None:
        return lambda: None
    return partial(full_disk, _data_dir(settings))


def free_of(settings: Settings) -> Callable[[], int | None]:
    """Likewise, how many bytes are free on it."""
    if settings.store.url is not None:
        return lambda: None
    return partial(free_bytes, _data_dir(settings))


def _data_dir(settings: Settings) -> Path:
    return Path(settings.data_dir).expanduser().absolute()


def auditor_of(store: MongoStore, *, rest: float = 0.0) -> LedgerAuditor:
    """Who proves the ledger of this store."""
    return LedgerAuditor(store.ledger, store.jobs, LOCK, rest=rest)


class ServerParts:
    """The server, its gateway and its janitor."""

    def __init__(
        self,
        ground: Ground,
        probes: Mapping[str, Probe],
        gather: Callable[[], Awaitable[Iterable[Figures]]],
        standing: Callable[[], Awaitable[Standing | None]],
    ) -> None:
        settings = ground.settings
        self._settings = settings.gateway
        self._pools = tuple(settings.all_pools)
        self._standing = standing
        self._diagnose = disk_of(settings)
        self._free = free_of(settings)
        self.metrics = ServerMetrics()
        self.clock = SystemClock()
        self.store = store = MongoStore(settings.store, ground.url, self.metrics.round_trip)
        self.poker = WorkerSocket(
            settings.queue,
            new_owner(SERVER),
            dispatcher_endpoint(store),
            self.clock.monotonic,
            role=Role.CLIENT,
            keys=ground.keys,
        )
        rules = spec_rules(connectors_of(settings), settings.all_pools)
        self.server = Server(
            rules=rules,
            jobs=store.jobs,
            tasks=store.tasks,
            lifecycle=store.lifecycle,
            history=store.history,
            error_logs=store.error_logs,
            users=store.users,
            letters=Letters(store.letters, store.tasks, store.jobs, self.clock, self.poker.poke, self._crew),
            auditor=auditor_of(store, rest=_AUDIT_REST),
            clock=self.clock,
            metrics=self.metrics,
            poke=self.poker.poke,
            probes={"mongodb": self._mongodb, "queue": self._queue, **probes},
            gather=gather,
        )
        accounts = Accounts(store.users, store.tokens, self.clock)
        overview = Overview(
            tallies=store.tallies,
            pools=settings.all_pools,
            clock=self.clock,
            standing=standing,
            holder=partial(store.directory.holder, LOCK),
            gather=gather,
        )
        self.gateway = Gateway(
            Services(
                self.server,
                accounts,
                store.requests,
                self.clock,
                store.plans,
                overview,
                store.events,
                self._diagnose,
            ),
            settings.gateway,
            self.metrics.turned_away.inc,
            self.metrics.gateway.answered,
        )
        self.janitor = Janitor(
            claims=store.claims,
            commits=store.commits,
            jobs=store.jobs,
            slots=store.slots,
            retention=store.retention,
            clock=self.clock,
            interval=settings.scheduler.sweep,
            metrics=self.metrics,
            cancel=self.server.cancel,
            poke=self.poker.poke,
        )

    async def _crew(self) -> Crew:
        standing = await self._standing()
        return standing.crew if standing else None

    async def _mongodb(self) -> str | None:
        try:
            await self.store.ping()
        except StoreUnavailable as error:
            return self._diagnose() or str(error)
        return None

    async def _queue(self) -> str | None:
        return None if self.poker.connected else "not connected to the scheduler yet: jobs would start late"

    async def figures(self) -> CollectorRegistry:
        """The metrics, with those that are read from the store and from the disk."""
        try:
            async with asyncio.timeout(_CENSUS_SECONDS):
                census = await self.store.census.take(self._pools, self.clock.now())
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("no_census", error=str(error) or f"no answer within {_CENSUS_SECONDS:g} s")
            census = None
        self.metrics.standing(census, self._free())
        return self.metrics.registry

    async def open(self, host: Host) -> None:
        """Starts all of it. Raises ConfigError when the gateway would ask for tokens that nobody has."""
        if self._settings.needs_tokens and not await self.store.tokens.any():
            raise ConfigError(
                f"the gateway would ask for a token on {self._settings.host}, and there is none: start on "
                "127.0.0.1 without gateway.require_tokens, make one with `karya user add NAME --role admin` "
                "and `karya token create NAME`, and start again"
            )
        host.keep(keep_time(self.store.measure, self.clock), "clock")
        await self.poker.start()
        await self.gateway.start()
        host.keep(self.janitor.run(), "janitor")

    async def close(self) -> None:
        """Stops what `open` started."""
        await self.gateway.stop()
        await self.poker.stop()
        self.store.close()


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
        self.scheduler = Scheduler(
            owner=self._owner,
            endpoint=endpoint,
            inbox=self.inbox,
            settings=self._settings.scheduler,
            agenda=self.store.agenda,
            admissions=self.store.admissions,
            limits=self.store.limits,
            locks=self.store.locks,
            producer=self.dispatcher,
            clock=self.clock,
            metrics=self.metrics,
            sync_clock=lambda: self.store.measure(self.clock),
            is_dead=is_dead,
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
            while (holder := self.store.locks.holder(LOCK)) is None or holder.owner == self._owner:
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


class WorkerParts:
    """A worker with its socket and its connectors."""

    def __init__(self, name: str, ground: Ground, pool: str) -> None:
        owner, settings = new_owner(name), ground.settings
        connectors = connectors_of(settings)
        self.metrics = WorkerMetrics(connectors)
        self.clock = SystemClock()
        self.store = MongoStore(settings.store, ground.url, self.metrics.round_trip)
        self.rules = spec_rules(connectors, settings.all_pools)
        self.connectors = ConnectorRegistry(connectors)
        self.ray_tasks = RayTasks()
        self.socket = WorkerSocket(
            settings.queue,
            owner,
            dispatcher_endpoint(self.store),
            self.clock.monotonic,
            pool=pool,
            keys=ground.keys,
        )
        self.submitter = Submitter(
            self.store.jobs,
            self.store.tasks,
            self.clock,
            connectors.refusal,
            self.socket.poke,
            max_depth=self.rules.max_depth,
        )
        reporter = Reporter(
            self.store.commits,
            self.store.jobs,
            self.store.slots,
            self.clock,
            self.metrics,
            self.socket.poke,
        )
        self.worker = Worker(
            owner=owner,
            settings=settings.worker.model_copy(update={"slots": settings.slots_of(pool)}),
            consumer=self.socket,
            claims=self.store.claims,
            reporter=reporter,
            actions=self.connectors,
            clock=self.clock,
            metrics=self.metrics,
        )

    async def open(self, host: Host) -> None:
        """Starts all of it."""
        tools = Tools(submit=self._submit, run_remote=self.ray_tasks.run, now=self.clock.now)
        await self.connectors.open_all(tools)
        await self.socket.start()
        host.keep(keep_time(self.store.measure, self.clock), "clock")
        host.keep(self.worker.keep_leases(), "leases")
        host.keep(self.worker.run(), "worker")

    async def close(self) -> None:
        """Drains the worker, then stops what `open` started."""
        await self.worker.drain()
        await self.socket.stop()
        await self.connectors.close_all()
        await self.ray_tasks.close()

    async def _submit(self, job: Mapping[str, Any], context: AttemptContext) -> str:
        """Implements `Submit`. What a hook submits is no child of its job."""
        ident = child_id(context.task_id, context.instant)
        linked = context.event is None
        child = await self.submitter.submit(self.rules.parsed(job), context.job_id, ident, linked=linked)
        return child.id
