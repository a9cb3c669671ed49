"""Collections and indexes are made by one process at a time, and making them again is harmless."""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from pymongo import ReadPreference

from karya.core.errors import StoreUnavailable
from karya.core.settings import StoreSettings
from karya.store.client import SyncDatabase, async_database, sync_database
from karya.store.indexes import INDEXES, prepare
from karya.store.locks import MongoLocks

MINUTE = timedelta(minutes=1)


@pytest.fixture
def empty(mongod_url: str) -> Iterator[SyncDatabase]:
    database = sync_database(StoreSettings(database=f"t{uuid.uuid4().hex}"), mongod_url)
    yield database
    database.client.drop_database(database.name)
    database.client.close()


def made(database: SyncDatabase) -> dict[str, set[str]]:
    return {name: set(database[name].index_information()) for name in database.list_collection_names()}


WANTED = {name: {"_id_", *(index.document["name"] for index in indexes)} for name, indexes in INDEXES.items()}


def test_it_makes_every_collection_and_index(empty: SyncDatabase) -> None:
    prepare(empty, MongoLocks(empty), "me")
    assert made(empty) == WANTED


def test_again_is_harmless(empty: SyncDatabase) -> None:
    prepare(empty, MongoLocks(empty), "me")
    empty.users.insert_one({"_id": "1", "name": "ann"})
    prepare(empty, MongoLocks(empty), "another")
    assert made(empty) == WANTED
    assert empty.users.find_one() == {"_id": "1", "name": "ann"}


def test_many_at_once(empty: SyncDatabase) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda number: prepare(empty, MongoLocks(empty), f"p{number}"), range(6)))
    assert made(empty) == WANTED


def test_it_adds_what_is_missing(empty: SyncDatabase) -> None:
    prepare(empty, MongoLocks(empty), "me")
    empty.tasks.drop_index("ready")
    empty.users.drop()
    prepare(empty, MongoLocks(empty), "me")
    assert made(empty) == WANTED


def test_it_waits_for_another_and_gives_up_in_the_end(empty: SyncDatabase) -> None:
    locks = MongoLocks(empty)
    assert locks.acquire("indexes", "another", MINUTE, {})
    with pytest.raises(StoreUnavailable, match="too long"):
        prepare(empty, locks, "me", patience=timedelta(0))
    assert empty.list_collection_names() == ["locks"]


def test_it_leaves_the_lock_free(empty: SyncDatabase) -> None:
    locks = MongoLocks(empty)
    prepare(empty, locks, "me")
    assert locks.acquire("indexes", "another", MINUTE, {})


@pytest.mark.parametrize("option", ["w=1", "w=0", "journal=false", "readPreference=secondaryPreferred"])
async def test_a_url_cannot_make_writes_less_durable_or_reads_stale(mongod_url: str, option: str) -> None:
    """A transaction commits by the concern of its client, so the client is what is checked."""
    for database in (
        async_database(StoreSettings(), f"{mongod_url}&{option}"),
        sync_database(StoreSettings(), f"{mongod_url}&{option}"),
    ):
        for holder in (database, database.client):
            assert holder.write_concern.document == {"w": "majority", "j": True}
            assert holder.read_preference == ReadPreference.PRIMARY
        database.client.close()
