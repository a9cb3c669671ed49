"""What the demo's jobs call: a real HTTP server with a record of its own of every call."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from json import JSONDecodeError
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Arrival:
    """One call as the target saw it."""

    path: str
    webhook_id: str
    """The id of the task, the same in every attempt."""
    attempt: int
    instant: datetime
    """The scheduled instant, as the call itself says."""
    at: datetime
    """When it arrived, by this machine's clock."""
    body: Any = None
    """What it said, where that was JSON."""


class DemoTarget:
    """The server. It answers 500 to the first `failures[path]` calls of each task on that path, and then with
    `answers[path]` as JSON."""

    def __init__(self, failures: Mapping[str, float], answers: Mapping[str, Any]) -> None:
        self.url = ""
        self._failures = failures
        self._answers = answers
        self._seen: Counter[str] = Counter()
        self._arrivals: list[Arrival] = []

    @property
    def arrivals(self) -> list[Arrival]:
        """Every call so far, in the order of arrival."""
        return list(self._arrivals)

    def mend(self, path: str) -> None:
        """From now on calls of this path succeed."""
        self._failures = {**self._failures, path: 0}

    async def serve(self, started: "Future[str]", stop: asyncio.Event) -> None:
        """Serves on a free port of loopback until `stop`; `started` receives the URL, or the error."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
        try:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            started.set_result(f"http://127.0.0.1:{runner.addresses[0][1]}")
            await stop.wait()
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        arrived_at = datetime.fromtimestamp(time.time(), UTC)
        task = request.headers["webhook-id"]
        self._arrivals.append(
            Arrival(
                path=request.path,
                webhook_id=task,
                attempt=int(request.headers["karya-attempt"]),
                instant=datetime.fromisoformat(request.headers["karya-instant"]),
                at=arrived_at,
                body=await _body(request),
            )
        )
        self._seen[task] += 1
        if self._seen[task] <= self._failures.get(request.path, 0):
            return web.Response(status=500, text="broken")
        return web.json_response(self._answers.get(request.path, "done"))


async def _body(request: web.Request) -> Any:
    try:
        return await request.json()
    except JSONDecodeError:
        return None


@contextmanager
def running_target(failures: Mapping[str, float], answers: Mapping[str, Any]) -> Iterator[DemoTarget]:
    """A target in a thread and an event loop of its own. Raises OSError when it cannot listen."""
    target = DemoTarget(failures, answers)
    started: Future[str] = Future()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    def run() -> None:
        try:
            loop.run_until_complete(target.serve(started, stop))
        except OSError as error:
            started.set_exception(error)
        finally:
            loop.close()

    thread = threading.Thread(target=run, name="demo target", daemon=True)
    thread.start()
    target.url = started.result()
    try:
        yield target
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
