"""The workers' and clients' end of the queue: one DEALER, which finds the dispatcher and keeps finding it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import uuid4

import structlog
import zmq

from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import Resolve
from karya.core.settings import QueueSettings
from karya.queue.keys import QueueKeys
from karya.queue.link import Link
from karya.queue.sockets import SILENCE, Tick, ticks
from karya.queue.wire import Again, Bye, Credit, Farewell, Hello, Order, Poke, Role, Work

log = structlog.get_logger(__name__)


class WorkerSocket:
    """Implements Consumer for a worker of one pool; all of it belongs to the event loop on which it was
    started.

    What it announces as free is what `report` said, less what arrived and was not taken, less what
    was taken since that report: so the credit is never exceeded, provided that `report` follows each
    `receive`. With the role `client` it asks for no work and only pokes. With keys it connects to their
    dispatcher and to no other.
    """

    dropped_frames: int
    """Frames that were no message."""

    def __init__(
        self,
        settings: QueueSettings,
        owner: str,
        resolve: Resolve,
        monotonic: Callable[[], float],
        *,
        role: Role = Role.WORKER,
        pool: str = DEFAULT_POOL,
        keys: QueueKeys | None = None,
    ) -> None:
        self.dropped_frames = 0
        self._owner, self._role, self._pool, self._keys = owner, role, pool, keys
        self._resolve, self._monotonic = resolve, monotonic
        self._beat = settings.heartbeat.total_seconds()
        self._keeper: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._confirmed = False
        self._heard_at = monotonic()
        self._inbox: list[Hint] = []
        self._arrived = asyncio.Event()
        self._free = self._running = self._taken = 0
        self._announced: tuple[str, int, int] | None = None
        self._announcing = False

    @property
    def connected(self) -> bool:
        """Whether a dispatcher answers."""
        return self._confirmed

    async def start(self) -> None:
        """Begins to look for the dispatcher; returns at once, and never gives up looking."""
        self._keeper = asyncio.create_task(self._keep(), name=f"queue-{self._role}-{self._owner}")

    async def stop(self) -> None:
        """Tells the dispatcher to send nothing more, and hangs up. Hints not taken are sent elsewhere."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._link is not None:
            self._link.send(Bye(taken=max(0, self._link.received - len(self._inbox))))
            await self._hang_up()

    async def receive(self) -> Sequence[Hint]:
        """See Consumer. Everything that has arrived; nothing is lost when the wait is cancelled."""
        while not self._inbox:
            self._arrived.clear()
            await self._arrived.wait()
        hints, self._inbox = self._inbox, []
        self._taken += len(hints)
        return hints

    def put_back(self, hints: Sequence[Hint]) -> None:
        """See Consumer."""
        self._inbox[:0] = hints
        self._taken -= len(hints)

    def report(self, free: int, running: int) -> None:
        """See Consumer. `free` must allow for all that `receive` has returned so far."""
        self._free, self._running, self._taken = free, running, 0
        if not self._announcing:
            self._announcing = True
            asyncio.get_running_loop().call_soon(self._announce_change)

    def poke(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        """See Consumer. Lost while no dispatcher answers."""
        if self._link is not None:
            self._link.send(Poke(due_at=due_at, told=tuple(told)))

    def _announce_change(self) -> None:
        self._announcing = False
        if self._link is not None and self._announced != self._word(self._link):
            self._announce(self._link)

    def _announce(self, link: Link) -> None:
        session, received, free = word = self._word(link)
        credit = Credit(session=session, received=received, free=free, running=self._running)
        if link.send(credit):
            self._announced = word

    def _word(self, link: Link) -> tuple[str, int, int]:
        return link.session, link.received, max(0, self._free - self._taken - len(self._inbox))

    def _hear(self, order: Order | None) -> None:
        link = self._link
        if order is None or link is None:
            self.dropped_frames += 1
            return
        self._heard_at, self._confirmed = self._monotonic(), True
        if isinstance(order, Work):
            link.received += len(order.hints)
            self._inbox.extend(order.hints)
            self._arrived.set()
        elif isinstance(order, Farewell):
            self._confirmed = False
        elif isinstance(order, Again):
            link.greet()
            self._announce(link)

    async def _keep(self) -> None:
        await self._survive(self._reconnect())
        async for tick in ticks(self._beat, self._monotonic):
            await self._survive(self._tend(tick))

    async def _survive(self, turn: Awaitable[None]) -> None:
        """Whatever goes wrong in one turn, the next tries again: nobody else would find the dispatcher."""
        try:
            await turn
        except Exception:
            log.exception("looking_after_queue_failed")

    async def _tend(self, tick: Tick) -> None:
        self._heard_at += tick.asleep
        if self._monotonic() - self._heard_at >= SILENCE * self._beat:
            self._confirmed = False
            await self._reconnect()
        elif not self._confirmed:
            await self._follow()
        elif tick.beat and self._link is not None:
            self._announce(self._link)

    async def _follow(self) -> None:
        """Nobody answers yet: goes where the dispatcher is now, if that is elsewhere."""
        endpoint = await self._find()
        if endpoint is not None and (self._link is None or endpoint != self._link.endpoint):
            await self._connect(endpoint)

    async def _reconnect(self) -> None:
        self._heard_at = self._monotonic()
        endpoint = await self._find()
        if endpoint is not None:
            await self._connect(endpoint)

    async def _find(self) -> str | None:
        try:
            return await self._resolve()
        except Exception as error:
            # Whatever is wrong with the lookup, the next heartbeat asks again.
            log.warning("dispatcher_not_found", error=repr(error))
            return None

    async def _connect(self, endpoint: str) -> None:
        await self._hang_up()
        self._heard_at, self._confirmed = self._monotonic(), False
        try:
            hello = Hello(owner=self._owner, session=uuid4().hex, role=self._role, pool=self._pool)
            self._link = Link(endpoint, hello, self._keys, self._beat, self._opened, self._hear)
        except zmq.ZMQError as error:
            log.warning("bad_dispatcher_endpoint", endpoint=endpoint, error=str(error))

    def _opened(self) -> None:
        if self._link is not None:
            self._announce(self._link)

    async def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()
