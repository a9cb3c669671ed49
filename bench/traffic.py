"""Clients of the gateway, in a process of their own: each sends its next request on the answer to its last.

Requests are made beforehand and answers are barely looked at, so that what is measured is the gateway.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import uvloop

from bench.apart import run_apart

_WARMING_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What to send, by how many clients at once, and for how long or how often."""

    url: str
    method: str = "GET"
    body: str = ""
    clients: int = 1
    seconds: float = 10.0
    pause: float = 0.0
    """How long a client waits between two requests."""


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it, after the first second."""

    seconds: float
    latencies: list[float]
    """Of each request, in milliseconds, in ascending order."""

    @property
    def rate(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds


def send(traffic: Traffic) -> Answered:
    """Sends it. Raises RuntimeError when an answer is not 2xx."""
    return Answered(**run_apart("bench.traffic", asdict(traffic)))


class _Clients:
    def __init__(self, traffic: Traffic) -> None:
        self._traffic = traffic
        self._url = urlsplit(traffic.url)
        path = f"{self._url.path}?{self._url.query}" if self._url.query else self._url.path
        head = f"{traffic.method} {path} HTTP/1.1\r\nhost: {self._url.netloc}\r\n"
        body = traffic.body.encode()
        about = f"content-type: application/json\r\ncontent-length: {len(body)}\r\n" if body else ""
        self._request = f"{head}{about}\r\n".encode() + body
        self._answered: list[tuple[float, float]] = []

    async def run(self) -> Answered:
        began = time.perf_counter()
        counted_from = began + _WARMING_SECONDS
        until = counted_from + self._traffic.seconds
        await asyncio.gather(*(self._client(until) for _ in range(self._traffic.clients)))
        seconds = time.perf_counter() - counted_from
        return Answered(seconds, sorted(took * 1000 for at, took in self._answered if at >= counted_from))

    async def _client(self, until: float) -> None:
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        while (sent := time.perf_counter()) < until:
            writer.write(self._request)
            await read_answer(reader)
            ended = time.perf_counter()
            self._answered.append((ended, ended - sent))
            if self._traffic.pause:
                await asyncio.sleep(self._traffic.pause)
        writer.close()


async def read_answer(reader: asyncio.StreamReader) -> None:
    """Takes one answer off. Raises RuntimeError when it is not 2xx."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    body = await reader.readexactly(int(length))
    if not head.startswith(b"HTTP/1.1 2"):
        raise RuntimeError(f"{head.splitlines()[0].decode()}: {body[:500].decode()}")


if __name__ == "__main__":
    answered = uvloop.run(_Clients(Traffic(**json.load(sys.stdin))).run())
    json.dump(asdict(answered), sys.stdout)
