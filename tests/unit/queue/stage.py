"""A dispatcher on loopback with everything it tells recorded, and raw sockets that can misbehave."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import zmq
import zmq.asyncio

from karya.core.errors import ConfigError
from karya.core.hint import Hint
from karya.core.settings import QueueSettings
from karya.queue import Dispatcher, QueueKeys, Role, WorkerSocket

BEAT = 0.1
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def make_hints(count: int, first: int = 0, **changes: Any) -> list[Hint]:
    """Hints told apart by their task ids."""
    base = {"token": 0, "attempts": 0, "instant": NOON, "due_at": NOON, "action": '{"type":"noop"}'} | changes
    return [Hint(task_id=f"t{n:06d}", job_id=f"j{n}", **base) for n in range(first, first + count)]


def settings(port: int = 0, host: str = "127.0.0.1") -> QueueSettings:
    return QueueSettings(heartbeat=timedelta(seconds=BEAT), port=port, host=host)


async def until(what: Callable[[], bool], seconds: float = 30) -> None:
    """Waits for something that no event tells of."""
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(BEAT / 20)


class Raw:
    """A DEALER that says whatever a test wants, and remembers what it was sent."""

    def __init__(self, endpoint: str, owner: str, keys: QueueKeys | None) -> None:
        self.owner, self.session = owner, uuid4().hex
        self.socket = zmq.asyncio.Context.instance().socket(zmq.DEALER)
        self.socket.set(zmq.LINGER, 500)
        if keys is not None:
            self.socket.set(zmq.CURVE_SERVERKEY, keys.dispatcher.public)
            self.socket.set(zmq.CURVE_PUBLICKEY, keys.member.public)
            self.socket.set(zmq.CURVE_SECRETKEY, keys.member.secret)
        self.socket.connect(endpoint)

    async def say(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message).encode())

    async def hello(self, **more: Any) -> None:
        await self.say(type="hello", owner=self.owner, session=self.session, **more)

    async def credit(self, received: int, free: int, running: int = 0) -> None:
        await self.say(type="credit", session=self.session, received=received, free=free, running=running)

    async def join(self, free: int) -> None:
        await self.hello()
        assert await self.next("beat")
        await self.credit(0, free)

    async def next(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                message: dict[str, Any] = json.loads(await self.socket.recv())
                if message["type"] == kind:
                    return message

    async def arrived(self, kind: str) -> int:
        """How many of this kind have arrived and were not looked at."""
        count = 0
        while await self.socket.poll(0):
            count += json.loads(await self.socket.recv())["type"] == kind
        return count

    async def work(self, beats: int = 2) -> list[str]:
        """The task ids of everything that arrives while so many heartbeats pass."""
        ids: list[str] = []
        while beats:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 30))
            beats -= message["type"] == "beat"
            ids += [hint["task_id"] for hint in message.get("hints", ())]
        return ids


class Stage:
    """What the tests act on; `keys` are those of everybody on it."""

    def __init__(self, stack: AsyncExitStack, keys: QueueKeys | None = None) -> None:
        self._stack = stack
        self.keys = keys
        self.endpoint: str | None = None
        self.pokes: asyncio.Queue[datetime | None] = asyncio.Queue()
        self.told: list[Hint] = []
        self.lost: asyncio.Queue[Sequence[Hint]] = asyncio.Queue()
        self.roomy = asyncio.Event()

    async def dispatcher(
        self,
        capacity: int = 5_000,
        port: int = 0,
        host: str = "127.0.0.1",
        pools: Sequence[str] = ("default",),
        on_room: Callable[[], None] | None = None,
    ) -> Dispatcher:
        made = Dispatcher(
            settings(port, host),
            time.monotonic,
            on_room=on_room or self.roomy.set,
            on_poke=self._poked,
            on_lost=self.lost.put_nowait,
            keys=self.keys,
            pools=pools,
            capacity=capacity,
        )
        self.endpoint = await made.start()
        self._stack.push_async_callback(made.stop)
        return made

    def _poked(self, due_at: datetime | None, told: Sequence[Hint] = ()) -> None:
        self.told += told
        self.pokes.put_nowait(due_at)

    async def successor(self) -> Dispatcher:
        """Another dispatcher on the same port, as soon as ZeroMQ's own thread has let go of it."""
        assert self.endpoint is not None
        port = int(self.endpoint.rpartition(":")[2])
        async with asyncio.timeout(30):
            while True:
                try:
                    return await self.dispatcher(port=port)
                except ConfigError:
                    await asyncio.sleep(BEAT / 20)

    async def worker(
        self, free: int, owner: str = "w", role: Role = Role.WORKER, pool: str = "default"
    ) -> WorkerSocket:
        made = WorkerSocket(
            settings(), owner, self.resolve, time.monotonic, role=role, pool=pool, keys=self.keys
        )
        await made.start()
        self._stack.push_async_callback(made.stop)
        made.report(free, 0)
        return made

    async def raw(self, owner: str = "raw", free: int | None = None) -> Raw:
        assert self.endpoint is not None
        made = Raw(self.endpoint, owner, self.keys)
        self._stack.callback(made.socket.close)
        if free is not None:
            await made.join(free)
        return made

    async def resolve(self) -> str | None:
        return self.endpoint

    async def next_lost(self) -> list[str]:
        return [hint.task_id for hint in await asyncio.wait_for(self.lost.get(), 30)]


async def collect(worker: WorkerSocket, count: int, free: int | None = None) -> list[str]:
    """Receives until there are so many, reporting `free` after each batch."""
    ids: list[str] = []
    async with asyncio.timeout(30):
        while len(ids) < count:
            ids += [hint.task_id for hint in await worker.receive()]
            if free is not None:
                worker.report(free, 0)
    return ids
