"""One sampler for all who listen to the same thing, and none when nobody does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from karya.api import streaming
from karya.api.pages import live
from karya.api.pages.live import Live, message, sampled
from karya.api.problems import Refused
from karya.core.errors import StoreUnavailable
from tests.support.unread import unread


class Source:
    """Samples that a test counts."""

    def __init__(self) -> None:
        self.asked = 0
        self.failure: Exception | None = None
        self.allowed = True

    async def sample(self) -> bytes:
        self.asked += 1
        if self.failure:
            raise self.failure
        return message("n", self.asked)

    async def may(self) -> bool:
        return self.allowed


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Source:
    monkeypatch.setattr(live, "EVERY_SECONDS", 0.01)
    return Source()


async def opened(many: Live, source: Source, key: str = "a") -> AsyncIterator[bytes]:
    stream = many.stream(key, sampled(source.sample), source.may, lambda: b"hello")
    body: AsyncIterator[bytes] = stream.body_iterator  # type: ignore[assignment]
    assert await anext(body) == b"retry: 2000\n\nhello"
    return body


async def test_all_who_listen_share_one_sampler(source: Source) -> None:
    many = Live()
    one, other = await opened(many, source), await opened(many, source)
    first = await anext(one)
    assert first == await anext(other) == b"event: n\ndata: 1\n\n"
    await one.aclose()  # type: ignore[attr-defined]
    assert first != await anext(other)
    await other.aclose()  # type: ignore[attr-defined]
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("live ")] == []


async def test_what_is_away_is_told_and_comes_back(source: Source) -> None:
    many = Live()
    source.failure = StoreUnavailable("no primary")
    body = await opened(many, source)
    assert await anext(body) == b'event: away\ndata: "no primary"\n\n'
    source.failure = None
    assert (await anext(body)).startswith(b"event: n")
    many.close()
    assert [chunk async for chunk in body] == []


async def test_who_may_no_longer_see_it_hears_no_more(source: Source) -> None:
    many = Live()
    body = await opened(many, source)
    await anext(body)
    source.allowed = False
    assert [chunk async for chunk in body] == []


async def test_listeners_are_bounded(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_LISTENERS", 1)
    many = Live()
    body = await opened(many, source)
    with pytest.raises(Refused, match="too many pages"):
        many.stream("b", sampled(source.sample), source.may)
    many.close()
    assert [chunk async for chunk in body] == []


async def test_one_that_does_not_read_is_given_up(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "SEND_SECONDS", 0.05)
    many = Live()
    sent = await unread(many.stream("a", sampled(source.sample), source.may))
    assert sent == ["http.response.start", *["http.response.body"] * 2]
    await asyncio.sleep(0)
    assert [task for task in asyncio.all_tasks() if task.get_name().startswith("live ")] == []
