"""The target: a process of its own that outlives every fault, writes down each request, and behaves by path.

`python -m tests.chaos.target FILE` prints its port and appends two lines of JSON a request to the file: when
it has arrived, and when it was answered or given up; and one whenever the machine starves it. A path is
/JOB/PART/BEHAVIOUR: see `_reply` and MISBEHAVIOURS.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.support.target import Exchange, Reply, drip, endless, hang, raw, redirect, reset, respond

_HUGE = 1024 * 1024
_HEADERS = b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 4096) for n in range(_HUGE // 4096))

_NAP = 0.1
_STARVED = 100
_BROKEN = 500
MISBEHAVIOURS: dict[str, tuple[Reply, int | None]] = {
    "hang": (hang(), None),
    "drip": (drip(every=1.0), None),
    "flood": (endless(), 200),
    "headers": (raw(_HEADERS, close=False), _BROKEN),
    "reset": (reset(), _BROKEN),
}
"""And how an attempt at each is written down: as never answered, as a success, since the client reads as much
of a flood as it wants, or as a failure, whatever was sent."""


class Recorder:
    """Answers and records."""

    def __init__(self, file: Path) -> None:
        self.sent = 0
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._numbers = itertools.count()
        self._seen: Counter[str] = Counter()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request, from its headers to the last byte of its answer."""
        key, part, behaviour = (
            request.match_info["key"],
            request.match_info["part"],
            request.match_info["how"],
        )
        number, at = next(self._numbers), _now()
        about = await _about(request) if part.startswith("on:") else ""
        headers = request.headers
        ident, attempt, token = headers["webhook-id"], headers["karya-attempt"], headers["karya-token"]
        instant = _millis(datetime.fromisoformat(headers["karya-instant"]).timestamp())
        self._write("arrived", number, key, part, ident, int(attempt), int(token), instant, at, about)
        if behaviour in MISBEHAVIOURS:
            return await self._misbehave(request, number, *MISBEHAVIOURS[behaviour])
        return await self._answer(request, number, self._reply(ident, behaviour))

    async def watch(self) -> None:
        """Notes whenever this process, which has nothing to do with Karya, is woken too late: then the
        machine has too much to do."""
        while True:
            begun = time.monotonic()
            await asyncio.sleep(_NAP)
            late = round((time.monotonic() - begun - _NAP) * 1000)
            if late > _STARVED:
                self._write("starved", _now(), late)

    async def _answer(self, request: web.Request, number: int, reply: Reply) -> web.StreamResponse:
        """What was answered has ended before its first byte can have reached the client."""
        status, ended = None, 0
        try:
            response = await reply(Exchange(request, self))  # type: ignore[arg-type]
            ended = _now()
            await response.prepare(request)
            await response.write_eof()
            status = response.status
        finally:
            self._write("ended", number, _now() if status is None else ended, status)
        return response

    async def _misbehave(
        self, request: web.Request, number: int, reply: Reply, status: int | None
    ) -> web.StreamResponse:
        """What is a failure anyhow has ended when it begins: the client may break off at any moment."""
        begun = _now()
        try:
            return await reply(Exchange(request, self))  # type: ignore[arg-type]
        except ConnectionError:
            return web.Response()
        finally:
            self._write("ended", number, begun if status == _BROKEN else _now(), status)

    def _reply(self, ident: str, behaviour: str) -> Reply:
        """`ok`; `slow-800` after so many milliseconds; `fail-2` two failures for each id, then success;
        `down` always a failure; `circle` a redirect to where redirects never end."""
        how, _, figure = behaviour.partition("-")
        if how == "circle":
            return redirect("/circle")
        if how == "fail":
            self._seen[ident] += 1
            return respond(503 if self._seen[ident] <= int(figure) else 200)
        return respond(503 if how == "down" else 200, delay=int(figure or 0) / 1000)

    def _write(self, *line: Any) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


async def _go_round(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": "/circle"})


async def _about(request: web.Request) -> str:
    """The subject of the event that a hook carries."""
    return str((await request.json()).get("subject", ""))


def _now() -> int:
    return _millis(time.time())


def _millis(seconds: float) -> int:
    return round(seconds * 1000)


async def serve(file: Path) -> None:
    """Serves until it is killed."""
    app, recorder = web.Application(), Recorder(file)
    app.router.add_route("*", "/{key}/{part}/{how}", recorder.handle)
    app.router.add_route("*", "/circle", _go_round)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await recorder.watch()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
