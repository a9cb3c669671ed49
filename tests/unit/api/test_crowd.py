"""More than fits is sent away with Retry-After, and whoever watches the gateway is let in all the same."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from karya.api.crowd import Crowd


class Busy:
    """An application that reads the body and then holds each request until it is let go."""

    def __init__(self) -> None:
        self.inside = 0
        self.arrived = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        self.inside += 1
        self.arrived.set()
        await self.go_on.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Client:
    """Sends requests to an application without a network in between."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def ask(self, path: str = "/v1/jobs", *chunks: bytes) -> Message:
        """The start of the answer."""
        waiting = [*chunks[:-1], chunks[-1] if chunks else b""]
        answers: list[Message] = []

        async def receive() -> Message:
            chunk = waiting.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(waiting)}

        async def send(message: Message) -> None:
            answers.append(message)

        scope: dict[str, Any] = {"type": "http", "method": "POST", "path": path, "headers": []}
        await self._app(scope, receive, send)
        return answers[0]


@pytest_asyncio.fixture
async def busy() -> AsyncIterator[Busy]:
    yield Busy()


@pytest.fixture
def turned_away() -> list[None]:
    return []


@pytest.fixture
def client(busy: Busy, turned_away: list[None]) -> Client:
    note = lambda: turned_away.append(None)  # noqa: E731
    return Client(Crowd(busy, note, exempt=["/healthz"], most_requests=2, most_bytes=10))


async def inside(busy: Busy, requests: int) -> None:
    while busy.inside < requests:
        busy.arrived.clear()
        async with asyncio.timeout(30):
            await busy.arrived.wait()


async def test_one_too_many_is_sent_away(busy: Busy, client: Client, turned_away: list[None]) -> None:
    first = [asyncio.create_task(client.ask()) for _ in range(2)]
    await inside(busy, 2)
    refused = await client.ask()
    assert refused["status"] == 503
    assert (b"retry-after", b"1") in refused["headers"]
    assert len(turned_away) == 1
    busy.go_on.set()
    assert [answer["status"] for answer in await asyncio.gather(*first)] == [200, 200]
    assert (await client.ask())["status"] == 200


async def test_the_bytes_of_their_bodies_count(busy: Busy, client: Client) -> None:
    first = asyncio.create_task(client.ask("/v1/jobs", b"12345", b"67890"))
    await inside(busy, 1)
    assert (await client.ask("/v1/jobs", b"1"))["status"] == 503
    busy.go_on.set()
    await first
    assert (await client.ask("/v1/jobs", b"1"))["status"] == 200


async def test_who_watches_is_let_in(busy: Busy, client: Client) -> None:
    first = [asyncio.create_task(client.ask()) for _ in range(2)]
    await inside(busy, 2)
    watching = asyncio.create_task(client.ask("/healthz"))
    await inside(busy, 3)
    busy.go_on.set()
    assert (await watching)["status"] == 200
    await asyncio.gather(*first)
