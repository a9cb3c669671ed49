"""Request heads have bounds: an endless or a slow one costs neither memory nor a connection."""

import asyncio

import aiohttp
import pytest

from karya.api import head
from karya.api.serve import Gateway

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def conversation(gateway: Gateway, *parts: bytes) -> bytes:
    """Sends the parts one after the other; what came back until the gateway hung up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.url.rpartition(":")[2]))
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 30)
    finally:
        writer.close()


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\nX: ", b"GET /"], ids=["header", "target"])
async def test_an_endless_head_is_cut_off(gateway: Gateway, start: bytes) -> None:
    # Not a byte more than it takes: what is left unread would reset the connection, and its answer with it.
    answer = await conversation(gateway, start, b"x" * (head.MAX_HEAD_BYTES + 1 - len(start)))
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_a_slow_head_is_given_up(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head, "HEAD_SECONDS", 0.5)
    assert (await conversation(gateway, b"GET / HT")).startswith(b"HTTP/1.1 408 ")


async def test_a_large_body_in_one_piece_with_its_head_is_no_large_head(gateway: Gateway) -> None:
    body = b'{"description": "' + b"x" * 100_000 + b'"}'
    request = b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    request += b"Connection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    assert (await conversation(gateway, request)).startswith(b"HTTP/1.1 422 ")


async def test_each_request_of_a_connection_has_its_own_bound(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(head, "MAX_HEAD_BYTES", 400)
    for _ in range(5):
        async with client.get("/healthz", headers={"X-Long": "x" * 150}) as response:
            assert response.status == 200
