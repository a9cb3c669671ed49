"""The target: a process of its own that outlives every fault, writes down each request, and behaves by path.

`python -m tests.chaos.target FILE` prints its port and appends two lines of JSON a request to the file: when
it has arrived, and when it was answered or given up. A path is /JOB/PART/BEHAVIOUR; see `BEHAVIOURS`.
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

MISBEHAVIOURS: dict[str, Reply] = {
    "hang": hang(),
    "drip": drip(every=1.0),
    "flood": endless(),
    "headers": raw(_HEADERS, close=False),
    "reset": reset(),
    "circle": redirect("/circle"),
}
_BY_NATURE = {"flood": 200, "headers": 500, "reset": 500}
"""What the attempts of some of them come to although the client breaks off: of a flood it reads enough."""


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
        status = _BY_NATURE.get(behaviour)
        try:
            response = await self._answer(request, ident, behaviour)
            status = status or response.status
        finally:
            self._write("ended", number, _now(), status)
        return response

    async def _answer(self, request: web.Request, ident: str, behaviour: str) -> web.StreamResponse:
        reply = MISBEHAVIOURS.get(behaviour) or self._reply(ident, behaviour)
        response = await reply(Exchange(request, self))  # type: ignore[arg-type]
        if behaviour != "reset":
            await response.prepare(request)
            await response.write_eof()
        return response

    def _reply(self, ident: str, behaviour: str) -> Reply:
        """`ok`; `slow-800` after so many milliseconds; `fail-2` two failures for each id, then success;
        `down` always a failure."""
        how, _, figure = behaviour.partition("-")
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
    app = web.Application()
    app.router.add_route("*", "/{key}/{part}/{how}", Recorder(file).handle)
    app.router.add_route("*", "/circle", _go_round)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
    print(runner.addresses[0][1], flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
