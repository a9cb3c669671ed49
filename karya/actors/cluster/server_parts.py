"""What the server's actor is made of: read this to know what talks to what."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry

from karya.actors.accounts import Accounts
from karya.actors.cluster.ground import Ground
from karya.actors.cluster.host import Host, keep_time
from karya.actors.cluster.names import SERVER
from karya.actors.cluster.owners import new_owner
from karya.actors.cluster.wiring import auditor_of, connectors_of, dispatcher_endpoint, traces_of
from karya.actors.historian import Historian
from karya.actors.janitor import Janitor
from karya.actors.letters import Letters
from karya.actors.metrics import Figures, ServerMetrics
from karya.actors.overview import Overview
from karya.actors.server import Probe, Server
from karya.actors.shared import Shared
from karya.api.serve import Gateway
from karya.api.services import Services
from karya.connectors.chain import spec_rules
from karya.core.clock import SystemClock
from karya.core.errors import ConfigError, StoreUnavailable
from karya.core.ports.overview import Standing
from karya.core.ports.scheduling import SCHEDULER_LOCK
from karya.core.settings import Settings
from karya.core.why import Crew
from karya.queue.consumer import WorkerSocket
from karya.queue.wire import Role
from karya.store.disk import free_bytes, full_disk
from karya.store.provider import MongoStore

log = structlog.get_logger("karya.actor")

_CENSUS_SECONDS = 2.0
"""As long as the other actors are waited for: Prometheus gives up after 10 s."""

_STANDING_SECONDS = 1.0
"""How old what the scheduler said of its workers may be: asking it takes longer than reading a job."""

_AUDIT_REST = 1.0
"""Beside the gateway an audit rests as long as it works."""


class ServerParts:
    """The server, its gateway, its janitor and its historian."""

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
        self._standing = partial(Shared(standing).within, _STANDING_SECONDS)
        self._diagnose = disk_of(settings)
        self._free = free_of(settings)
        self.metrics = ServerMetrics()
        self.traces = traces_of(settings, SERVER)
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
            looks=store.looks,
            users=store.users,
            letters=Letters(store.letters, store.tasks, store.error_logs, self.clock, self.poker.poke),
            auditor=auditor_of(store, rest=_AUDIT_REST),
            clock=self.clock,
            metrics=self.metrics,
            poke=self.poker.poke,
            probes={"mongodb": self._mongodb, "queue": self._queue, **probes},
            gather=gather,
            traces=self.traces,
            crew=self._crew,
        )
        accounts = Accounts(store.users, store.tokens, self.clock)
        overview = Overview(
            tallies=store.tallies,
            pools=settings.all_pools,
            clock=self.clock,
            standing=self._standing,
            holder=partial(store.directory.holder, SCHEDULER_LOCK),
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
            traced=self.traces is not None,
        )
        self.janitor = Janitor(
            claims=store.claims,
            commits=store.commits,
            jobs=store.jobs,
            slots=store.slots,
            clock=self.clock,
            interval=settings.scheduler.sweep,
            metrics=self.metrics,
            cancel=self.server.cancel,
            poke=self.poker.poke,
        )
        self.historian = Historian(
            retention=store.retention,
            clock=self.clock,
            interval=settings.scheduler.sweep,
            metrics=self.metrics,
            monotonic=self.clock.monotonic,
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
        heard = self.gateway.listening()
        self.metrics.gateway.heard(heard.present, heard.behind, heard.sent, heard.ended)
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
        host.keep(self.historian.run(), "historian")

    async def close(self) -> None:
        """Stops what `open` started."""
        await self.gateway.stop()
        await self.poker.stop()
        if self.traces is not None:
            await self.traces.close()
        self.store.close()


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
