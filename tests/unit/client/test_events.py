"""`events()` of both clients: on a gateway, and on a server that breaks off as it is told to."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from karya import AsyncClient, Client
from karya.api.serve import Gateway
from karya.core.errors import InvalidInput, KaryaError, NotFound, PositionGone, Unavailable
from karya.core.events import EventKind
from karya.core.settings import GatewaySettings
from tests.support.memory_events import place
from tests.support.memory_services import MemoryServices
from tests.support.served import Served
from tests.support.soon import soon
from tests.support.target import Reply, Target, raw, reset, respond

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 100000\r\n\r\n"
PAUSED, CLAIMED = EventKind.JOB_PAUSED, EventKind.TASK_CLAIMED


def event(ident: str) -> str:
    """An event as the gateway writes it."""
    view = {"specversion": "1.0", "id": ident, "source": "/karya", "type": PAUSED, "subject": "jobs/j"}
    view |= {"time": "2026-11-28T02:00:00.000Z", "datacontenttype": "application/json", "data": {}}
    return f"id: {ident}\nevent: {PAUSED}\ndata: {json.dumps(view)}\n\n"


def stream(text: str) -> Reply:
    """A stream that ends in order after this."""
    return respond(200, f"retry: 0\n\n{text}", {"content-type": "text/event-stream"})


def cut(text: str) -> Reply:
    """A stream whose connection breaks after this."""
    return raw(HEAD + text.encode())


def ids(client: Client, count: int, **given: Any) -> list[str]:
    """Of the first so many events."""
    events = client.events(**given)
    try:
        return [next(events).id for _ in range(count)]
    finally:
        events.close()


@pytest.mark.parametrize("broken", [cut("id: b\ndata: {"), reset(), respond(503), stream("")])
def test_it_goes_on_behind_the_last_event_whatever_breaks(target: Target, broken: Reply) -> None:
    target.calls.clear()
    target.script(stream(event("a")), broken, stream(event("b") + event("c")))
    with Client(target.url, patience=5) as client:
        assert ids(client, 3, job="j", kind=["karya.job", "karya.task"]) == ["a", "b", "c"]
    asked = [parse_qsl(urlsplit(call.path).query) for call in target.calls]
    filters = [("job", "j"), ("kind", "karya.job"), ("kind", "karya.task")]
    assert asked == [filters, [*filters, ("after", "a")], [*filters, ("after", "a")]]


def test_it_gives_up_when_nobody_came_back_in_time(target: Target) -> None:
    target.script(stream(event("a")), reset())
    with Client(target.url, patience=0) as client:
        events = client.events()
        assert next(events).id == "a"
        with pytest.raises(Unavailable, match="no gateway answers"):
            next(events)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (respond(200, "{}", {"content-type": "application/json"}), KaryaError),
        (stream("data: {}\n\n"), KaryaError),
        (raw(HEAD + b"\xff\n\n", close=False), KaryaError),
    ],
)
def test_what_is_no_gateway_is_said(target: Target, answer: Reply, error: type[KaryaError]) -> None:
    target.script(answer)
    with Client(target.url) as client, pytest.raises(error, match="does not answer like a Karya gateway"):
        next(client.events())


@pytest.fixture
async def memory() -> MemoryServices:
    return MemoryServices()


@pytest.fixture
async def gateway(memory: MemoryServices) -> AsyncIterator[Gateway]:
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    yield gateway
    await gateway.stop()


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(gateway.url) as client:
        yield client


async def test_a_position_that_is_not_kept_is_raised(memory: MemoryServices, client: AsyncClient) -> None:
    await memory.events.tell(PAUSED, PAUSED)
    memory.events.forgotten = place(2)
    with pytest.raises(PositionGone, match="not kept any more"):
        await anext(client.events(after=place(1)))


async def test_a_filter_that_is_wrong_is_named(client: AsyncClient) -> None:
    with pytest.raises(InvalidInput, match=r"^kind: 'karya\.jab' is no kind of event"):
        await anext(client.events(kind="karya.jab"))
    with pytest.raises(InvalidInput, match=r"^after: no position"):
        await anext(client.events(after="a/b"))
    with pytest.raises(NotFound, match="no job 'x'"):
        await anext(client.events(job="x"))


async def test_it_goes_on_across_a_restart_and_leaves_when_closed(
    memory: MemoryServices, gateway: Gateway, client: AsyncClient
) -> None:
    events = client.events(kind="karya.job")
    first = asyncio.create_task(anext(events))
    await soon(lambda: memory.events.open, what="a listener")
    await memory.events.tell(PAUSED, CLAIMED)
    assert (await first).id == place(1)
    await gateway.stop()
    await memory.events.tell(CLAIMED, PAUSED)
    again = Gateway(memory.services, GatewaySettings(port=int(gateway.url.rpartition(":")[2])))
    await again.start()
    assert (await anext(events)).id == place(4)
    await events.aclose()
    await soon(lambda: not memory.events.open, what="the listener to be gone")
    await again.stop()


async def test_a_client_that_is_closed_hears_no_more(memory: MemoryServices, gateway: Gateway) -> None:
    client = AsyncClient(gateway.url)
    waiting = asyncio.create_task(anext(client.events()))
    await soon(lambda: memory.events.open, what="a listener")
    await client.close()
    with pytest.raises(Unavailable, match="closed"):
        await waiting
    with pytest.raises(Unavailable, match="this client is closed"):
        await client.whoami()


def test_a_blocking_client_may_be_closed_from_another_thread(target: Target) -> None:
    target.script(raw(HEAD, close=False))
    client = Client(target.url)
    events = client.events()

    def close() -> None:
        target.wait_for(1, 30)
        client.close()

    closing = threading.Thread(target=close)
    target.calls.clear()
    closing.start()
    with pytest.raises(Unavailable, match="closed"):
        next(events)
    closing.join()
    events.close()


@pytest.mark.parametrize(
    "ident", ["a/b", "../b", "a?b", "a#b", "a%b", "a%2Fb", "..", ".", "", "a b", "a\udcff", "ä", "a\nb"]
)
def test_an_id_is_never_more_than_an_id(served: Served, ident: str) -> None:
    with Client(served.url) as client:
        job = client.submit({"action": {"type": "noop"}})
        jobs: list[Callable[[str], object]] = [client.get, client.summary, client.cancel]
        others: list[Callable[[str], object]] = [client.task, client.redrive, client.tokens]
        for call in (*jobs, *others):
            for asked in (ident, f"{job.id}/{ident}"):
                with pytest.raises(NotFound) as found:
                    call(asked)
                assert found.value.ident == asked
        assert client.get(job.id) == job
