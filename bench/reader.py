"""One who reads, in a process of its own: opens one address after the other, again and again, and rests a
little before each of them. Streams beside it stand for the pages that are open meanwhile."""

import asyncio
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import uvloop

from bench.apart import run_apart
from bench.traffic import read_answer

_WARMING_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Round:
    """What to open, and how long it goes on."""

    url: str
    paths: Mapping[str, str]
    """By what each of them is called."""
    streams: Sequence[str]
    seconds: float
    pause: float
    """Between an answer and the next request, in seconds."""


def read(what: Round) -> Mapping[str, Sequence[float]]:
    """How long each answer took, in milliseconds, in ascending order, by what it is called; the first seconds
    are left out. Raises RuntimeError when an answer is not 2xx."""
    found: Mapping[str, Sequence[float]] = run_apart("bench.reader", asdict(what))
    return found


async def _read(what: Round) -> Mapping[str, Sequence[float]]:
    address = urlsplit(what.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    listening = [asyncio.create_task(_listen(what.url, path)) for path in what.streams]
    took: dict[str, list[float]] = defaultdict(list)
    counted_from = time.perf_counter() + _WARMING_SECONDS
    until = counted_from + what.seconds
    for name, path in itertools.cycle(what.paths.items()):
        await asyncio.sleep(what.pause)
        sent = time.perf_counter()
        writer.write(_request(address.netloc, path))
        await read_answer(reader)
        ended = time.perf_counter()
        if sent >= counted_from:
            took[name].append((ended - sent) * 1000)
        if ended >= until:
            break
    ended_early = [task for task in listening if task.done()]
    for task in listening:
        task.cancel()
    if ended_early:
        raise RuntimeError("a stream ended while the others were read")
    return {name: sorted(each) for name, each in took.items()}


async def _listen(url: str, path: str) -> None:
    address = urlsplit(url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(_request(address.netloc, path))
    while await reader.read(65_536):
        pass
    writer.close()


def _request(host: str, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode()


if __name__ == "__main__":
    json.dump(uvloop.run(_read(Round(**json.load(sys.stdin)))), sys.stdout)
