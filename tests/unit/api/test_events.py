"""Listening to events: who hears what, from where on, and how it ends. The feed behind it is in memory."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from karya.api import streaming
from karya.api.events import hub as hubs
from karya.api.events import listener as listeners
from karya.api.events import stream
from karya.api.events.hub import Hub
from karya.api.events.listener import End, Listener, Wanted
from karya.api.serve import Gateway
from karya.core.clock import SystemClock
from karya.core.errors import Unavailable
from karya.core.events import ALL_KINDS, EventKind
from karya.core.settings import GatewaySettings
from karya.core.user import LOCAL, Principal, Role, TokenSpec, UserSpec
from tests.support.memory_events import MemoryEvents, place
from tests.support.memory_services import MemoryServices
from tests.support.soon import soon
from tests.support.sse import Ear
from tests.support.unread import unread

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAUSED, RESUMED, CLAIMED, DEAD = (
    EventKind.JOB_PAUSED,
    EventKind.JOB_RESUMED,
    EventKind.TASK_CLAIMED,
    EventKind.TASK_DEAD_LETTERED,
)
ELECTED = EventKind.SCHEDULER_ELECTED


@pytest.fixture
def events(memory: MemoryServices) -> MemoryEvents:
    return memory.events


@asynccontextmanager
async def listening(
    client: aiohttp.ClientSession, last_id: str | None = None, **query: Any
) -> AsyncIterator[Ear]:
    headers = {} if last_id is None else {"last-event-id": last_id}
    async with client.get("/v1/events", params=query, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        yield Ear(answer)


async def nobody_left(events: MemoryEvents) -> None:
    await soon(lambda: not events.open, what="the end of the feeds")


async def numbers(ear: Ear, count: int) -> list[int]:
    return [int(heard.id) // 2 for heard in await ear.next(count)]


# --- what is heard ------------------------------------------------------------------------------------------


async def test_an_event_as_it_goes_over_the_wire(client: aiohttp.ClientSession, events: MemoryEvents) -> None:
    async with client.get("/v1/events") as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["cache-control"] == "no-store"
        await events.tell(PAUSED)
        ear = Ear(answer)
        (heard,) = await ear.next(1)
    assert (heard.id, heard.kind, heard.data["type"]) == (place(1), PAUSED, PAUSED)
    assert ear.retry == stream.RETRY_MILLIS


async def test_only_what_is_asked_for_is_heard_and_read(
    client: aiohttp.ClientSession, service: Any, events: MemoryEvents
) -> None:
    async with client.post("/v1/jobs", json={"action": {"type": "noop"}}) as answer:
        job = (await answer.json())["id"]
    query: dict[str, Any] = {"kind": ["karya.job", DEAD.value], "job": job, "user": ["ann", "bob"]}
    async with listening(client, **query) as ear:
        assert events.open[0].kinds == {kind for kind in ALL_KINDS if kind.startswith("karya.job.")} | {DEAD}
        await events.tell(PAUSED, job=job, user="carl")
        await events.tell(PAUSED, user="ann")
        await events.tell(PAUSED, CLAIMED, DEAD, job=job, user="ann")
        await events.tell(RESUMED, job=job, user="bob")
        assert await numbers(ear, 3) == [3, 5, 6]


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"kind": "karya.job.paussed"}, "kind", "with one of these behind it: submitted, updated, paused,"),
        ({"kind": "nonsense"}, "kind", "give karya.job, karya.task, karya.scheduler, or one of their kinds"),
        ({"kinds": "karya.job"}, "kinds", "unknown field"),
        ({"after": ["1", "2"]}, "after", "given more than once"),
        ({"after": "nonsense"}, "after", "no position"),
        ({"after": "000002\n\ndata: forged"}, "after", "no position"),
        ({"job": ["x"] * 21}, "job", "20"),
    ],
)
async def test_a_wrong_parameter_is_named(
    client: aiohttp.ClientSession, events: MemoryEvents, query: dict[str, Any], field: str, words: str
) -> None:
    async with client.get("/v1/events", params=query) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert answer.status == 422
    assert problem["errors"][0]["field"] == field
    assert words in problem["errors"][0]["message"]
    await nobody_left(events)


async def test_a_wrong_last_event_id_is_named_as_what_it_is(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/events", headers={"last-event-id": "nonsense"}) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert (answer.status, problem["errors"][0]["field"]) == (422, "last-event-id")


async def test_a_job_that_is_not_there(client: aiohttp.ClientSession) -> None:
    async with client.get("/v1/events", params={"job": "nope"}) as answer:
        assert answer.status == 404


async def test_the_head_alone_is_no_listener(client: aiohttp.ClientSession, events: MemoryEvents) -> None:
    async with client.head("/v1/events") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
    assert events.opened == 0


# --- who hears it -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("principal", "owner", "heard"),
    [
        (Principal("ann", Role.USER), "ann", True),
        (Principal("ann", Role.VIEWER), "ann", True),
        (Principal("ann", Role.USER), "bob", False),
        (Principal("ann", Role.USER), None, False),
        (Principal("root", Role.ADMIN), "ann", True),
        (LOCAL, None, True),
    ],
)
async def test_what_belongs_to_others_is_not_heard(
    events: MemoryEvents, principal: Principal, owner: str | None, heard: bool
) -> None:
    (event,) = await events.tell(PAUSED, user=owner)
    assert Wanted(principal, ALL_KINDS).holds(event) is heard


async def test_a_user_cannot_ask_for_others(memory: MemoryServices) -> None:
    gateway = Gateway(memory.services, GatewaySettings(port=0, require_tokens=True))
    await gateway.start()
    accounts = memory.services.accounts
    user = await accounts.add_user(UserSpec(name="ann", role=Role.USER))
    secret = (await accounts.issue_token(TokenSpec(user_id=user.id))).secret
    async with aiohttp.ClientSession(gateway.url) as client:
        async with client.get("/v1/events") as answer:
            assert answer.status == 401
        client.headers["authorization"] = f"Bearer {secret}"
        async with client.get("/v1/events", params={"user": "bob"}) as answer:
            assert answer.status == 422
            assert "you see your own only" in await answer.text()
        async with listening(client, user=user.id) as ear:
            await memory.events.tell(PAUSED, user="bob")
            await memory.events.tell(ELECTED, user=None)
            await memory.events.tell(PAUSED, user=user.id)
            assert await numbers(ear, 1) == [3]
    await gateway.stop()


# --- from where on ------------------------------------------------------------------------------------------


async def test_nothing_is_missing_and_nothing_double_after_a_moment_away(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    async with listening(client), listening(client) as ear:  # the other one keeps the feed open
        await events.tell(PAUSED, RESUMED)
        assert await numbers(ear, 2) == [1, 2]
        await events.tell(PAUSED, RESUMED, PAUSED)
        async with listening(client, ear.last_id) as again:
            await events.tell(RESUMED)
            assert await numbers(again, 4) == [3, 4, 5, 6]
        assert events.opened == 1


async def test_nothing_is_missing_and_nothing_double_after_a_long_time(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    await events.tell(*[PAUSED, RESUMED] * 5)
    events.batch = 2
    async with listening(client) as other:
        async with listening(client, place(3)) as ear:
            assert await numbers(ear, 7) == [4, 5, 6, 7, 8, 9, 10]
            await soon(lambda: len(events.open) == 1, what="one feed for both")
            await events.tell(PAUSED)
            assert await numbers(ear, 1) == [11]
        assert await numbers(other, 1) == [11]


async def test_the_parameter_does_what_the_header_does(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    await events.tell(PAUSED, RESUMED, PAUSED)
    async with listening(client, after=place(2)) as ear:
        assert await numbers(ear, 1) == [3]
    async with listening(client, place(1), after=place(2)) as ear:
        assert await numbers(ear, 2) == [2, 3]


async def test_what_is_not_kept_any_more_is_gone(client: aiohttp.ClientSession, events: MemoryEvents) -> None:
    await events.tell(PAUSED, RESUMED)
    events.forgotten = place(2)
    async with client.get("/v1/events", headers={"last-event-id": place(1)}) as answer:
        assert answer.status == 410
        assert "not kept any more" in await answer.text()
    await nobody_left(events)


async def test_an_id_is_given_before_the_first_event(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    await events.tell(PAUSED)
    async with listening(client, kind=PAUSED.value) as ear:
        waiting = asyncio.create_task(ear.next(1))
        await soon(lambda: ear.last_id, what="an id")
        waiting.cancel()
        await asyncio.wait({waiting})
    await events.tell(RESUMED, PAUSED)
    async with listening(client, ear.last_id) as again:
        assert await numbers(again, 2) == [2, 3]


async def test_a_heartbeat_moves_the_id_on(
    client: aiohttp.ClientSession, events: MemoryEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.02)
    async with listening(client, kind=DEAD.value) as ear:
        waiting = asyncio.ensure_future(ear.next(1))
        await events.tell(PAUSED, RESUMED)  # of no interest to it
        await soon(lambda: ear.last_id == events.end, what="a position behind them")
        assert "heartbeat" in ear.comments
        await events.tell(DEAD)
        assert [heard.id for heard in await waiting] == [place(3)]


# --- what it costs ------------------------------------------------------------------------------------------


async def test_nobody_listens_and_nothing_is_read(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    async with client.get("/v1/jobs"):
        assert events.opened == 0
    async with AsyncExitStack() as stack:
        ears = [await stack.enter_async_context(listening(client)) for _ in range(3)]
        await events.tell(PAUSED)
        for ear in ears:
            assert await numbers(ear, 1) == [1]
        assert events.opened == 1
    await nobody_left(events)


async def test_only_what_somebody_still_wants_is_read(
    client: aiohttp.ClientSession, events: MemoryEvents
) -> None:
    async with listening(client, kind=DEAD.value) as ear:
        async with listening(client, kind=PAUSED.value):
            await soon(lambda: [feed.kinds for feed in events.open] == [{DEAD, PAUSED}], what="both kinds")
            await events.tell(DEAD)
        await soon(lambda: [feed.kinds for feed in events.open] == [{DEAD}], what="one kind")
        await events.tell(PAUSED, DEAD)
        assert await numbers(ear, 2) == [1, 3]


async def test_a_slow_listener_is_sent_away_and_comes_again(
    client: aiohttp.ClientSession, events: MemoryEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listeners, "MOST_WAITING", 3)
    monkeypatch.setattr(hubs, "Listener", lambda wanted: Listener(wanted, 3))
    async with listening(client) as ear:
        await events.tell(*[PAUSED] * 4)  # at once, so that it cannot send any of them before
        assert [heard async for heard in ear.events()] == []
        assert ear.comments == [End.SLOW.value]
    events.batch = 1
    async with listening(client, ear.last_id) as again:
        assert await numbers(again, 4) == [1, 2, 3, 4]


async def test_one_that_does_not_read_is_given_up(
    events: MemoryEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "SEND_SECONDS", 0.05)
    hub = Hub(events, SystemClock().now)
    listener = await hub.listen(Wanted(LOCAL, ALL_KINDS))
    sent = await unread(stream.EventStream(hub, listener, None))
    assert sent == ["http.response.start", *["http.response.body"] * 2]
    assert listener.ended is End.SLOW
    await nobody_left(events)
    await hub.close()


async def test_there_is_a_most_of_listeners(events: MemoryEvents) -> None:
    hub = Hub(events, SystemClock().now, most_listeners=1)
    wanted = Wanted(LOCAL, ALL_KINDS)
    one = await hub.listen(wanted)
    with pytest.raises(Unavailable, match="1 listen to events already"):
        await hub.listen(wanted)
    hub.leave(one)
    hub.leave(await hub.listen(wanted))
    await hub.close()
    assert not events.open
    with pytest.raises(Unavailable, match="the gateway stops"):
        await hub.listen(wanted)


async def test_the_turns_to_catch_up_are_given_back(
    events: MemoryEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "MOST_CATCHING_UP", 1)
    monkeypatch.setattr(hubs, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(hubs, "Recent", lambda floor: hubs_recent(floor, 0))
    await events.tell(PAUSED, RESUMED)
    hub = Hub(events, SystemClock().now)
    wanted = Wanted(LOCAL, ALL_KINDS)
    first = await hub.listen(wanted, place(1))
    with pytest.raises(Unavailable, match="catching up"):
        await hub.listen(wanted, place(1))
    events.forgotten = place(2)
    hub.leave(first)
    with pytest.raises(Exception, match="not kept"):
        await hub.listen(wanted, place(1))
    hub.leave(await hub.listen(wanted, place(2)))
    await hub.close()


hubs_recent = hubs.Recent


# --- how it ends --------------------------------------------------------------------------------------------


async def ends(ear: Ear) -> Sequence[str]:
    """The kinds that are still heard, to the end."""
    return [heard.kind async for heard in ear.events()]


async def test_it_ends_cleanly_when_the_gateway_stops(memory: MemoryServices, events: MemoryEvents) -> None:
    gateway = Gateway(memory.services, GatewaySettings(port=0))
    await gateway.start()
    async with aiohttp.ClientSession(gateway.url) as client, listening(client) as ear:
        await events.tell(PAUSED)
        assert [heard.kind for heard in await ear.next(1)] == [PAUSED]
        stopping = asyncio.create_task(gateway.stop())
        assert await asyncio.wait_for(ends(ear), 30) == []
        assert ear.comments == [End.STOPPING.value]
        await asyncio.wait_for(stopping, 30)
    assert not events.open


async def test_it_ends_in_time_to_ask_for_the_token_again(
    client: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LIFETIME_SECONDS", 0.05)
    async with listening(client) as ear:
        assert await asyncio.wait_for(ends(ear), 30) == []
        assert ear.comments == [End.AGED.value]


async def test_it_goes_on_when_the_store_is_back(
    client: aiohttp.ClientSession, events: MemoryEvents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hubs, "PAUSE_SECONDS", 0.01)
    async with listening(client) as ear:
        events.away = True
        await events.tell(PAUSED)
        async with client.get("/v1/events", params={"kind": DEAD.value}) as answer:
            assert answer.status == 200  # what it wants is read already
        async with client.get("/v1/events", headers={"last-event-id": place(0)}) as answer:
            assert answer.status == 503
        events.away = False
        assert await numbers(ear, 1) == [1]


async def test_events_that_are_lost_end_it(client: aiohttp.ClientSession, events: MemoryEvents) -> None:
    async with listening(client) as ear:
        await events.tell(PAUSED)
        await ear.next(1)
        events.forgotten = place(100)
        await events.tell(RESUMED)
        assert await asyncio.wait_for(ends(ear), 30) == []
        assert ear.comments == [End.GONE.value]
    events.forgotten = ""
    async with listening(client) as ear:
        await events.tell(PAUSED)
        assert await numbers(ear, 1) == [3]
