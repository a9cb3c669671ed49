"""Events out of a real MongoDB through a real gateway: a primary that dies, and a client that does not read.

What a job service would have written is written by the store alone.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pymongo.errors import PyMongoError

from karya.api import streaming
from karya.api.serve import Gateway
from karya.core.events import EventKind
from karya.core.ports.lifecycle import ChangeKind
from karya.core.settings import GatewaySettings, StoreSettings
from karya.store.changes import change_document
from karya.store.client import AsyncDatabase, async_database
from karya.store.embedded import EmbeddedMongod
from karya.store.events import MongoEventLog
from tests.support.memory_services import MemoryServices
from tests.support.mongo import Mongo
from tests.support.soon import soon
from tests.support.sse import Ear
from tests.support.story import NOW

PAUSED = EventKind.JOB_PAUSED
MANY = 20_000


@asynccontextmanager
async def serving(database: AsyncDatabase) -> AsyncIterator[Gateway]:
    services = replace(MemoryServices().services, events=MongoEventLog(database))
    gateway = Gateway(services, GatewaySettings(port=0))
    await gateway.start()
    yield gateway
    await gateway.stop()


async def paused(database: AsyncDatabase, numbers: range) -> None:
    """Notes so many times that a job was paused; its version is the number."""
    await database["jobs"].update_one({"_id": "job"}, {"$set": {"user_id": "ann"}}, upsert=True)
    changes = [change_document("job", ChangeKind.PAUSED, number, NOW) for number in numbers]
    await database["job_changes"].insert_many(changes)


def connections(gateway: Gateway) -> set[Any]:
    assert gateway._server is not None
    return gateway._server.server_state.connections


def versions(heard: list[Any]) -> list[int]:
    return [event.data["data"]["version"] for event in heard]


async def answers(database: AsyncDatabase) -> bool:
    """Whether it does; what is left of the old connections is closed for it."""
    try:
        await database.command("ping")
    except PyMongoError:
        return False
    return True


async def test_it_survives_the_death_of_the_primary(tmp_path: Path) -> None:
    mongod = EmbeddedMongod(tmp_path)
    await asyncio.to_thread(mongod.start)
    settings = StoreSettings(timeout=timedelta(seconds=10))
    database = async_database(settings, mongod.url)
    try:
        async with (
            serving(database) as gateway,
            aiohttp.ClientSession(gateway.url) as client,
            client.get("/v1/events", params={"kind": PAUSED.value}) as answer,
        ):
            ear = Ear(answer)
            await paused(database, range(2))
            assert versions(await ear.next(2)) == [0, 1]
            assert mongod.pid is not None
            os.kill(mongod.pid, signal.SIGKILL)
            await soon(lambda: not mongod.is_running, what="its end")
            await asyncio.to_thread(mongod.start)
            await soon(lambda: answers(database), 30, "an answer on new connections")
            await paused(database, range(2, 5))
            assert versions(await asyncio.wait_for(ear.next(3), 30)) == [2, 3, 4]
            async with client.get("/v1/events", headers={"last-event-id": ear.last_id}) as again:
                await paused(database, range(5, 6))
                assert versions(await asyncio.wait_for(Ear(again).next(1), 30)) == [5]
    finally:
        database.client.close()
        await asyncio.to_thread(mongod.stop)


async def test_one_that_does_not_read_costs_nobody_anything(
    mongo: Mongo, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(streaming, "SEND_SECONDS", 2)
    database = mongo.asynchronous
    async with serving(database) as gateway, aiohttp.ClientSession(gateway.url) as client:
        hub, port = gateway._hub, int(gateway.url.rpartition(":")[2])
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port))
            deaf.sendall(b"GET /v1/events HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
            await soon(lambda: hub._present, what="the one that does not read")
            (listener,) = hub._present
            (connection,) = connections(gateway)
            async with client.get("/v1/events", params={"kind": PAUSED.value}) as answer:
                ear = Ear(answer)
                hearing = asyncio.create_task(ear.next(MANY))
                await paused(database, range(MANY))
                assert versions(await asyncio.wait_for(hearing, 60)) == list(range(MANY))
                await soon(lambda: len(hub._present) == 1, 30, "one listener less")
                await soon(lambda: connection not in connections(gateway), 30, "its connection ended")
            assert not [record for record in caplog.records if record.name == "uvicorn.error"]
            assert listener.ended is not None
            assert not listener._frames
        began = {"after": ear.first_id, "kind": PAUSED.value}
        async with client.get("/v1/events", params=began) as answer:
            assert versions(await asyncio.wait_for(Ear(answer).next(MANY), 60)) == list(range(MANY))
