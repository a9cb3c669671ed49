"""The scheduler's end of the queue: one ROUTER that sends each due task to one worker of its pool."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import structlog
import zmq

from karya.core.hint import Hint
from karya.core.pools import DEFAULT_POOL
from karya.core.ports import PoolLoad, WorkerInfo
from karya.core.ports.queue import Poke as Poked
from karya.core.settings import QueueSettings
from karya.core.words import some
from karya.queue.backlog import Backlog
from karya.queue.entrance import Entrance
from karya.queue.keys import QueueKeys
from karya.queue.peers import Peer, Roster
from karya.queue.sockets import SILENCE, send_now, ticks
from karya.queue.wake import Wake
from karya.queue.wire import (
    MAX_HINTS,
    Again,
    Beat,
    Bye,
    Credit,
    Farewell,
    Hello,
    Poke,
    Report,
    decode_report,
    encode,
    pack,
)

log = structlog.get_logger(__name__)
_AGAIN, _BEAT, _FAREWELL = encode(Again()), encode(Beat()), encode(Farewell())
_BURST = 100
_LAST_WORDS_SECONDS = 0.02
"""ZeroMQ takes back what was sent just before the socket is closed, whatever its linger."""


class Dispatcher:
    """Implements Producer, whose methods may be called from any thread.

    `start` and `stop` belong to the event loop that carries it, and so do the callbacks: they are
    called there and must not block. Nothing durable is here: a dispatcher that dies loses hints only.
    """

    dropped_frames: int
    """Frames that were no message, or came from somebody unknown."""

    def __init__(
        self,
        settings: QueueSettings,
        monotonic: Callable[[], float],
        *,
        on_room: Callable[[], None],
        on_poke: Poked,
        on_lost: Callable[[Sequence[Hint]], None],
        keys: QueueKeys | None = None,
        pools: Iterable[str] = (DEFAULT_POOL,),
        capacity: int = 1_000,
    ) -> None:
        """`on_room` is told when a pool had no room and has it again, `on_poke` what was stored, `on_lost`
        which hints went to a worker that vanished or got lost on the way: they may be unclaimed. `pools` are
        all that hints can have; none has more room than `capacity`, however fast its workers are."""
        self.dropped_frames = 0
        self._settings, self._monotonic = settings, monotonic
        self._on_room, self._on_poke, self._on_lost = on_room, on_poke, on_lost
        self._beat = settings.heartbeat.total_seconds()
        self._roster = Roster()
        self._backlogs = {
            pool: Backlog(capacity, partial(self._roster.credit, pool), monotonic) for pool in pools
        }
        self._keys = keys
        self._wake = Wake()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, advertise: str | None = None) -> str:
        """Listens, and returns the endpoint for the workers, with `advertise` for its host if that is given.
        Raises ConfigError when it cannot, and beyond loopback without keys."""
        self._entrance = Entrance(self._settings, advertise, self._keys)
        self._socket = self._entrance.socket
        self._wake.attach()
        own = {"queue-listen": self._listen(), "queue-pump": self._pump(), "queue-watch": self._watch()}
        loops = {**own, **self._entrance.loops()}
        self._tasks = [asyncio.create_task(loop, name=name) for name, loop in loops.items()]
        return self._entrance.endpoint

    async def run(self) -> None:
        """Waits, from `start` until `stop`, for the death of one of the loops, and raises what it died of.
        Somebody must wait here: the others would go on without it, and nothing would be handed out."""
        await asyncio.gather(*self._tasks)

    async def stop(self) -> None:
        """Stops listening; what waits is forgotten with it, and what was sent is the workers' business."""
        if not self._tasks:
            return
        self._wake.detach()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        for peer in self._roster.all():
            send_now(self._socket, peer.identity, _FAREWELL)
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        await self._entrance.close()

    def offer(self, hints: Iterable[Hint]) -> None:
        """See Producer. More than there is room for is taken too."""
        by_pool: dict[str, list[Hint]] = {}
        for hint in hints:
            by_pool.setdefault(hint.pool, []).append(hint)
        for pool, group in by_pool.items():
            self._backlogs[pool].add(group)
        self._wake.set()

    def room(self, pool: str = DEFAULT_POOL) -> int:
        """See Producer; `on_room` comes when half of it is free again, not at every hint."""
        return self._backlogs[pool].room()

    def surplus(self, pool: str = DEFAULT_POOL) -> Sequence[Hint]:
        """See Producer."""
        return self._backlogs[pool].surplus()

    def load(self, pool: str = DEFAULT_POOL) -> PoolLoad:
        """How the pool stands, as far as hints were offered. From any thread."""
        workers = [worker for worker in self.workers() if worker.pool == pool]
        return PoolLoad(
            workers=len(workers),
            free=sum(worker.free for worker in workers),
            running=sum(worker.running for worker in workers),
            waiting=len(self._backlogs[pool]),
        )

    @property
    def refused_connections(self) -> int:
        """How many were turned away at the door, for their key or the lack of one."""
        return self._entrance.refused if self._tasks else 0

    def workers(self) -> Sequence[WorkerInfo]:
        """See Producer. Clients, which only poke, are not among them."""
        return self._roster.workers()

    async def _listen(self) -> None:
        while True:
            for _ in range(_BURST):
                identity, *frames = await self._socket.recv_multipart()
                self._hear(identity, frames)
            await asyncio.sleep(0)  # under a flood receiving never waits, and the other tasks would starve

    def _hear(self, identity: bytes, frames: Sequence[bytes]) -> None:
        report, peer = decode_report(frames), self._roster.get(identity)
        if report is None:
            self.dropped_frames += 1
        elif peer is not None:
            peer.heard_at = self._monotonic()
            self._obey(peer, report)
        elif isinstance(report, Hello):
            self._welcome(identity, report)
        else:
            self.dropped_frames += 1
            send_now(self._socket, identity, _AGAIN)

    def _obey(self, peer: Peer, report: Report) -> None:
        match report:
            case Hello():
                send_now(self._socket, peer.identity, _BEAT)
            case Credit():
                peer.announced(report, self._monotonic())
                self._wake.set()
            case Poke():
                self._tell(self._on_poke, report.due_at, report.told)
            case Bye():
                peer.took_over(report.taken)
                self._drop(peer, "it left")

    def _welcome(self, identity: bytes, hello: Hello) -> None:
        for older in self._roster.sessions(hello.owner):
            self._drop(older, "it came back")
        peer = Peer(identity, hello, self._monotonic(), self._beat)
        self._roster.add(peer)
        log.info("peer_joined", **peer.ids, pool=peer.pool)
        send_now(self._socket, identity, _BEAT)

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            if self._hand_out():
                self._wake.set()

    def _hand_out(self) -> bool:
        """Sends at most one message to each worker with credit; whether it is worth another round."""
        served = [self._serve(pool, backlog) for pool, backlog in self._backlogs.items()]
        return any(served)

    def _serve(self, pool: str, backlog: Backlog) -> bool:
        ready = self._roster.ready(pool) if len(backlog) else []
        share = -(-len(backlog) // max(1, len(ready)))
        for peer in ready:
            self._send_work(peer, backlog, min(peer.credit, share, MAX_HINTS))
        if backlog.relieved():
            self._tell(self._on_room)
        return bool(ready) and len(backlog) > 0

    def _send_work(self, peer: Peer, backlog: Backlog, most: int) -> None:
        hints = backlog.take(most)
        if not hints:
            return
        frame, count = pack(hints)
        refused = send_now(self._socket, peer.identity, frame)
        if not refused:
            peer.sent(hints[:count], self._monotonic())
            backlog.sent(count)
            backlog.put_back(hints[count:])
            return
        backlog.put_back(hints)
        if refused == zmq.EAGAIN:
            peer.choke()
        else:
            self._drop(peer, "it is unreachable")

    async def _watch(self) -> None:
        async for tick in ticks(self._beat, self._monotonic):
            self._entrance.tell()
            limit = self._monotonic() - SILENCE * self._beat
            for peer in self._roster.all():
                peer.overslept(tick.asleep)
                if peer.heard_at <= limit:
                    self._drop(peer, "it is silent")
                elif tick.beat:
                    self._care_for(peer)

    def _care_for(self, peer: Peer) -> None:
        if send_now(self._socket, peer.identity, _BEAT) == zmq.EHOSTUNREACH:
            self._drop(peer, "it is unreachable")
        elif lost := peer.give_up(SILENCE * self._beat):
            tasks = some(hint.task_id for hint in lost)
            log.warning("hints_lost", **peer.ids, tasks=tasks, count=len(lost))
            self._tell(self._on_lost, lost)

    def _drop(self, peer: Peer, reason: str) -> None:
        self._roster.remove(peer)
        remains = peer.remains()
        tasks = some(hint.task_id for hint in remains)
        log.info("peer_left", **peer.ids, reason=reason, tasks=tasks, count=len(remains))
        if remains:
            self._tell(self._on_lost, remains)

    def _tell(self, callback: Callable[..., None], *args: object) -> None:
        try:
            callback(*args)
        except Exception:
            # The loop serves every worker and must outlive a fault of one listener.
            log.exception("queue_callback_failed")
