"""The `rest` connector: one HTTP request per attempt, on aiohttp."""

import asyncio
import time
from typing import Any

import orjson
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector

from karya.connectors.verdict import Answer, failure_of, outcome_of
from karya.core.action import RestAction
from karya.core.outcome import Failure, Outcome
from karya.core.ports import AttemptContext
from karya.core.times import format_instant

KEPT_BYTES = 16 * 1024
"""How much of an answer's body is kept as the result."""
READ_BYTES = KEPT_BYTES + 64 * 1024
"""How much of a body is read so that the connection can be used again; a longer one is cut off."""
IDLE_SECONDS = 4.0
"""Less than the 5 s after which common servers (uvicorn, Node) close an idle connection under a request."""


class RestConnector:
    """Sends the action's request and judges the answer, all within `action.timeout`.

    One session serves all attempts of a worker. Cookies are not kept, redirects are not followed, and
    answers are asked for uncompressed and never inflated, so no answer can grow in memory.
    """

    action_type = RestAction

    def __init__(self) -> None:
        self._session: ClientSession | None = None

    async def open(self) -> None:
        """Makes the session, in the running loop."""
        self._session = ClientSession(
            # Unlimited, since the worker's slots already bound how many requests run at once.
            connector=TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            timeout=ClientTimeout(total=None),
            read_bufsize=KEPT_BYTES,
            skip_auto_headers=("content-type",),
            headers={"user-agent": "karya", "accept-encoding": "identity"},
        )
        # aiohttp sends an idempotent request twice when the connection breaks; only the task's own
        # retry policy may do that (I6), and aiohttp has no public switch for it.
        self._session._retry_connection = False

    async def close(self) -> None:
        """Closes the connections; does nothing when none were opened."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def run(self, action: RestAction, context: AttemptContext) -> Outcome:
        """One request. Success holds {status, body, truncated}; every failure is a Failure."""
        seconds = action.timeout.total_seconds()
        try:
            async with asyncio.timeout(seconds) as deadline:
                return outcome_of(await self._exchange(action, context), time.time())
        except (ClientError, OSError, ValueError) as error:
            if deadline.expired():
                return Failure(f"timed out after {seconds:g} s")
            return failure_of(error)

    async def _exchange(self, action: RestAction, context: AttemptContext) -> Answer:
        if self._session is None:
            raise RuntimeError("the rest connector is not open")
        data, content_type = _payload(action.body)
        response = await self._session.request(
            action.method,
            action.url,
            data=data,
            headers=_headers(action, context, content_type),
            allow_redirects=False,
        )
        try:
            body = await _read_start(response)
        finally:
            # Closes the connection unless the answer was read to its end.
            response.release()
        return Answer(response.status, response.headers, body[:KEPT_BYTES], len(body) > KEPT_BYTES)


async def _read_start(response: ClientResponse) -> bytes:
    body = bytearray()
    while len(body) <= READ_BYTES:
        chunk = await response.content.read(READ_BYTES + 1 - len(body))
        if not chunk:
            break
        body += chunk
    return bytes(body)


def _payload(body: Any) -> tuple[bytes | None, str | None]:
    if body is None:
        return None, None
    if isinstance(body, str):
        return body.encode(), "text/plain; charset=utf-8"
    return orjson.dumps(body), "application/json"


def _headers(action: RestAction, context: AttemptContext, content_type: str | None) -> dict[str, str]:
    headers = {"content-type": content_type} if content_type else {}
    headers.update((name.lower(), value) for name, value in action.headers.items())
    headers.update(
        {
            "webhook-id": context.task_id,
            "webhook-timestamp": str(int(time.time())),
            "karya-job-id": context.job_id,
            "karya-attempt": str(context.attempt),
            "karya-token": str(context.token),
            "karya-instant": format_instant(context.instant),
        }
    )
    return headers
