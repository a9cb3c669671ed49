"""What the page of a job is told: how much may have changed, as soon as it has, and nothing of other jobs."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

import orjson
import pytest
import pytest_asyncio

from karya.api.events.hub import Hub
from karya.api.events.listener import End
from karya.api.pages import news
from karya.api.pages.news import letter_news, news_of
from karya.core.clock import SystemClock
from karya.core.errors import StoreUnavailable
from karya.core.events import EventKind
from karya.core.user import Principal, Role
from tests.support.memory_events import MemoryEvents

ROOT = Principal("root", Role.ADMIN)


@pytest.fixture
def events() -> MemoryEvents:
    return MemoryEvents()


@pytest_asyncio.fixture
async def hub(events: MemoryEvents, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    monkeypatch.setattr(news, "REST_SECONDS", 0)
    monkeypatch.setattr(news, "LETTER_REST_SECONDS", 0)
    hub = Hub(events, SystemClock().now)
    yield hub
    await hub.close()


WHOLE, PART = "whole", "part"


async def extent(source: AsyncGenerator[bytes]) -> str:
    """How much the next message says has changed."""
    news: dict[str, int] = orjson.loads((await anext(source)).partition(b"data: ")[2])
    return WHOLE if news["whole"] == news["number"] else PART


async def test_who_begins_looks_at_all_of_it_and_then_at_what_happens(events: MemoryEvents, hub: Hub) -> None:
    async with aclosing(news_of(hub, ROOT, "mine")()) as source:
        assert await extent(source) == WHOLE
        await events.tell(EventKind.TASK_CLAIMED, job="mine")
        assert await extent(source) == PART
        await events.tell(EventKind.TASK_CLAIMED, job="other")
        await events.tell(EventKind.JOB_PAUSED, job="mine")
        assert await extent(source) == WHOLE


async def test_who_misses_a_message_knows_by_the_next_whether_all_has_changed(
    events: MemoryEvents, hub: Hub
) -> None:
    async with aclosing(news_of(hub, ROOT, "mine")()) as source:
        first = orjson.loads((await anext(source)).partition(b"data: ")[2])
        await events.tell(EventKind.JOB_PAUSED, job="mine")
        missed = orjson.loads((await anext(source)).partition(b"data: ")[2])
        await events.tell(EventKind.TASK_CLAIMED, job="mine")
        last = orjson.loads((await anext(source)).partition(b"data: ")[2])
    assert first["whole"] < missed["whole"] == last["whole"] < last["number"]


async def test_many_events_are_one_message(events: MemoryEvents, hub: Hub) -> None:
    async with aclosing(news_of(hub, ROOT, "mine")()) as source:
        await anext(source)
        await events.tell(
            EventKind.TASK_CLAIMED, EventKind.TASK_SUCCEEDED, EventKind.TASK_CLAIMED, job="mine"
        )
        assert await extent(source) == PART
        await events.tell(EventKind.JOB_COMPLETED, job="mine")
        assert await extent(source) == WHOLE, "the two before it were one"


async def test_a_listener_that_ended_is_replaced_and_all_counts_as_changed(
    events: MemoryEvents, hub: Hub
) -> None:
    async with aclosing(news_of(hub, ROOT, "mine")()) as source:
        await anext(source)
        (listener,) = hub._present  # as one that is too slow, or whose events were lost
        listener.end(End.SLOW)
        assert await extent(source) == WHOLE
        await events.tell(EventKind.TASK_CLAIMED, job="mine")
        assert await extent(source) == PART
    assert not hub._present, "nobody listens behind a page that is closed"


async def test_a_store_that_is_away_is_said(events: MemoryEvents, hub: Hub) -> None:
    events.away = True
    async with aclosing(news_of(hub, ROOT, "mine")()) as source:
        with pytest.raises(StoreUnavailable):
            await anext(source)
    assert not hub._present


async def test_what_belongs_to_others_is_not_heard(events: MemoryEvents, hub: Hub) -> None:
    async with aclosing(news_of(hub, Principal("ann", Role.USER), "mine")()) as source:
        await anext(source)
        await events.tell(EventKind.JOB_PAUSED, job="mine", user="somebody")
        await events.tell(EventKind.TASK_CLAIMED, job="mine", user="ann")
        assert await extent(source) == PART


async def test_of_dead_letters_only_deaths_are_told_and_only_ones_own(events: MemoryEvents, hub: Hub) -> None:
    async with aclosing(letter_news(hub, Principal("ann", Role.USER))()) as source:
        await anext(source)
        (listener,) = hub._present
        assert listener.wanted.kinds == {EventKind.TASK_DEAD_LETTERED}
        await events.tell(EventKind.TASK_DEAD_LETTERED, user="bob")
        await events.tell(EventKind.TASK_DEAD_LETTERED, job="any of hers", user="ann")
        assert await extent(source) == PART
        told = await listener.take(0)
        assert not told, "what happened to others is not told"
