"""What a transaction has locked is let go of, whatever becomes of it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta

import pymongo
import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure
from pymongo.uri_parser import parse_uri

from karya.core.errors import StoreUnavailable
from karya.core.settings import StoreSettings
from karya.store.client import async_database, in_time
from karya.store.mongod.port import free_port
from karya.store.threads import in_one_thread
from karya.store.transactions import in_transaction
from tests.chaos.proxies.control import ProxyProcess
from tests.chaos.proxies.odds import Odds
from tests.integration.store.conftest import Mongo

SOON = 10.0
"""Far less than mongod keeps for a client that is gone (`transactionLifetimeLimitSeconds`)."""

Body = Callable[[AsyncIOMotorClientSession], Awaitable[None]]


def slow(mongo: Mongo, seconds: float, begun: asyncio.Event) -> Body:
    """Writes, and takes a while until it wants to write again."""

    async def write(session: AsyncIOMotorClientSession) -> None:
        for _ in range(2):
            await mongo.asynchronous.jobs.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
            begun.set()
            await asyncio.sleep(seconds)

    return write


async def free_again(mongo: Mongo) -> bool:
    """Whether somebody else can write the same soon, and it was not written before."""
    with pymongo.timeout(SOON):
        await mongo.asynchronous.jobs.update_one({"_id": "a"}, {"$set": {"other": True}})
    return "n" not in (await mongo.asynchronous.jobs.find_one({"_id": "a"}) or {})


@pytest.fixture
def slow_answers(mongo: Mongo, mongod_url: str) -> Iterator[Mongo]:
    """The same database, which answers writes long after `store.timeout`."""
    near = free_port()
    (_, far), *_ = parse_uri(mongod_url)["nodelist"]
    proxy = ProxyProcess("mongo", near, far)
    settings = StoreSettings(database=mongo.asynchronous.name, timeout=timedelta(seconds=1))
    database = async_database(settings, f"mongodb://127.0.0.1:{near}/?directConnection=true")
    proxy.change(Odds(delayed=1.0, longest=60.0))
    try:
        yield Mongo(database, mongo.blocking)
    finally:
        database.client.close()
        proxy.stop()


@pytest.fixture(autouse=True)
async def document(mongo: Mongo) -> None:
    await mongo.asynchronous.jobs.insert_one({"_id": "a"})


async def test_one_whose_write_was_not_answered_in_time(mongo: Mongo, slow_answers: Mongo) -> None:
    """The write is done, and its transaction open; the driver has no time left to send the abort."""
    with pytest.raises(StoreUnavailable), in_time(slow_answers.asynchronous):
        await in_transaction(slow_answers.asynchronous, slow(slow_answers, 0, asyncio.Event()))
    assert await free_again(mongo)


async def test_one_whose_caller_was_cancelled(mongo: Mongo) -> None:
    begun = asyncio.Event()
    running = asyncio.create_task(in_transaction(mongo.asynchronous, slow(mongo, 60, begun)))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await free_again(mongo)


async def test_one_that_failed(mongo: Mongo) -> None:
    async def write(session: AsyncIOMotorClientSession) -> None:
        await mongo.asynchronous.jobs.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_transaction(mongo.asynchronous, write)
    assert await free_again(mongo)


def write_once(mongo: Mongo, session: ClientSession) -> None:
    mongo.asynchronous.jobs.delegate.update_one({"_id": "a"}, {"$inc": {"n": 1}}, session=session)


async def written(mongo: Mongo) -> int:
    document = await mongo.asynchronous.jobs.find_one({"_id": "a"})
    return int((document or {}).get("n", 0))


async def test_one_in_a_thread_whose_write_was_not_answered_in_time(
    mongo: Mongo, slow_answers: Mongo
) -> None:
    with pytest.raises(StoreUnavailable), in_time(slow_answers.asynchronous):
        await in_one_thread(slow_answers.asynchronous, lambda session: write_once(slow_answers, session))
    assert await free_again(mongo)


async def test_one_in_a_thread_that_failed(mongo: Mongo) -> None:
    def write(session: ClientSession) -> None:
        write_once(mongo, session)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await in_one_thread(mongo.asynchronous, write)
    assert await free_again(mongo)


async def test_one_in_a_thread_is_tried_again_where_that_may_help(mongo: Mongo) -> None:
    tries: list[int] = []

    def write(session: ClientSession) -> int:
        write_once(mongo, session)
        tries.append(len(tries))
        if len(tries) < 3:
            raise OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})
        return len(tries)

    assert await in_one_thread(mongo.asynchronous, write) == 3
    assert await written(mongo) == 1


async def test_one_in_a_thread_is_carried_through_though_its_caller_was_cancelled(mongo: Mongo) -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def write(session: ClientSession) -> None:
        write_once(mongo, session)
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(30)

    running = asyncio.create_task(in_one_thread(mongo.asynchronous, write))
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await written(mongo) == 0
    go_on.set()
    async with asyncio.timeout(30):
        while await written(mongo) == 0:
            await asyncio.sleep(0.01)
