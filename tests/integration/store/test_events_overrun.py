"""Whoever was away for longer than MongoDB remembers: a real one, with the smallest oplog that it takes."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from bson.timestamp import Timestamp

from karya import AsyncClient, Client
from karya.api.serve import Gateway
from karya.cli.following import follow
from karya.core.errors import PositionGone, StoreUnavailable
from karya.core.events import EventKind
from karya.core.settings import StoreSettings
from karya.store.client import AsyncDatabase, async_database
from karya.store.embedded import EmbeddedMongod
from karya.store.events import MongoEventLog
from karya.store.events.feed import MongoEventFeed, moment_of
from karya.store.mongod.binary import find_mongod
from tests.integration.store.test_events_heard import paused, serving, versions
from tests.support.soon import soon
from tests.support.sse import Ear

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAUSED = EventKind.JOB_PAUSED
KIND = {"kind": PAUSED.value}
TEXT = "x" * 200_000


@dataclass
class Overrun:
    """A gateway, the id of an event that is forgotten, and a feed that has not been read since."""

    gateway: Gateway
    database: AsyncDatabase
    forgotten: str
    feed: MongoEventFeed


def forgetful(script: Path) -> Path:
    """A mongod with the smallest oplog, which forgets what lies before its checkpoint of each second."""
    script.write_text(
        "#!/bin/sh\n"
        "for word; do\n"
        '  shift; [ "$word" != 1024 ] || word=1; set -- "$@" "$word"\n'
        "done\n"
        f'exec "{find_mongod()}" "$@" --syncdelay 1\n'
    )
    script.chmod(0o700)
    return script


async def oldest(database: AsyncDatabase) -> Timestamp:
    """The moment from which on MongoDB remembers."""
    first = await database.client["local"]["oplog.rs"].find_one(sort=[("$natural", 1)])
    assert first is not None
    moment: Timestamp = first["ts"]
    return moment


async def overrun(database: AsyncDatabase, position: str) -> None:
    """Writes until what came behind this position is forgotten."""

    async def is_forgotten() -> bool:
        await database["other"].insert_one({"text": TEXT})
        return await oldest(database) > moment_of(position)

    await soon(is_forgotten, 60, "an oplog that was overwritten")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def away(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Overrun]:
    directory: Path = tmp_path_factory.mktemp("overrun")
    mongod = EmbeddedMongod(directory, binary=forgetful(directory / "mongod"))
    await asyncio.to_thread(mongod.start)
    database = async_database(StoreSettings(), mongod.url)
    try:
        async with serving(database) as gateway:
            async with (
                aiohttp.ClientSession(gateway.url) as client,
                client.get("/v1/events", params=KIND) as answer,
            ):
                ear = Ear(answer)
                await paused(database, range(1))
                assert versions(await ear.next(1)) == [0]
            feed = await MongoEventLog(database).follow({PAUSED}, ear.last_id)
            await overrun(database, ear.last_id)
            yield Overrun(gateway, database, ear.last_id, feed)
            await feed.close()
    finally:
        database.client.close()
        await asyncio.to_thread(mongod.stop)


async def test_the_answer_says_that_it_is_gone_and_what_to_do(away: Overrun) -> None:
    async with aiohttp.ClientSession(away.gateway.url) as client:
        headers = {"last-event-id": away.forgotten}
        async with client.get("/v1/events", headers=headers) as answer:
            problem = await answer.json(content_type="application/problem+json")
        assert (answer.status, problem["status"]) == (410, 410)
        assert "begin again without it" in problem["detail"]
        async with client.get("/v1/events", params=KIND) as answer:
            await paused(away.database, range(1, 2))
            assert versions(await Ear(answer).next(1)) == [1]


async def test_a_feed_that_was_left_behind_says_so(away: Overrun) -> None:
    async def told() -> str:
        try:
            await away.feed.next()
        except StoreUnavailable:  # its cursor, before it begins again where it was
            return ""
        except PositionGone as gone:
            return str(gone)
        return ""

    assert "not kept any more" in await soon(told, 30)


async def test_the_clients_raise_it(away: Overrun) -> None:
    async with AsyncClient(away.gateway.url) as client:
        with pytest.raises(PositionGone, match="begin again without it"):
            await anext(client.events(after=away.forgotten))

    def listen() -> None:
        with Client(away.gateway.url) as client:
            next(client.events(after=away.forgotten))

    with pytest.raises(PositionGone, match="begin again without it"):
        await asyncio.to_thread(listen)


async def test_the_command_says_it_and_goes_on_with_the_present(away: Overrun) -> None:
    await soon(lambda: not away.gateway.listening().present, 30, "the end of those before")
    notes: list[str] = []
    events = follow(lambda: away.gateway.url, KIND, None, notes.append, away.forgotten)
    waiting = asyncio.ensure_future(anext(events))
    # Whoever is refused is present for a moment, and whoever is present may not be told of anything yet.
    await soon(lambda: notes and away.gateway._hub._joined, 30, "a listener to the present")
    await paused(away.database, range(2, 3))
    assert '"version":2' in await asyncio.wait_for(waiting, 30)
    assert len(notes) == 1
    assert notes[0].startswith("karya: events were lost: what followed this position is not kept any more")
    await events.aclose()  # type: ignore[attr-defined]
