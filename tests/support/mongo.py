"""The MongoDB implementation of every store port, empty and prepared for each test that asks for `kit`."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from karya.core.settings import StoreSettings
from karya.store.admissions import MongoAdmissions
from karya.store.agenda import MongoAgenda
from karya.store.changes import MongoHistory
from karya.store.claims import MongoClaims
from karya.store.client import AsyncDatabase, SyncDatabase, async_database, sync_database
from karya.store.commits import MongoCommits
from karya.store.errorlogs import MongoErrorLogs
from karya.store.indexes import INDEXES, prepare
from karya.store.jobs import MongoJobs
from karya.store.ledger import MongoLedger
from karya.store.letters import MongoLetters
from karya.store.lifecycle import MongoLifecycle
from karya.store.limits import MongoLimits
from karya.store.locks import MongoLocks
from karya.store.looks import MongoLooks
from karya.store.retention import MongoRetention
from karya.store.slots import MongoSlots
from karya.store.tasks import MongoTasks
from karya.store.users import MongoUsers
from tests.conformance.store.kit import HeldTime, StoreKit
from tests.support.commands import RECORDER  # noqa: F401 - it must hear of clients before they are made

SETTINGS = StoreSettings(database="karya_tests", timeout=timedelta(seconds=30))


@dataclass(frozen=True)
class Mongo:
    """The two databases behind a kit, for tests that look underneath."""

    asynchronous: AsyncDatabase
    blocking: SyncDatabase


def forget_nothing(database: SyncDatabase) -> None:
    """Clocks that are held lie in the past: by its own, MongoDB would remove at any moment what it is told to
    forget after a while."""
    database.client.admin.command({"setParameter": 1, "ttlMonitorEnabled": False})


@pytest.fixture(scope="session")
def prepared(mongod_url: str) -> Iterator[SyncDatabase]:
    database = sync_database(SETTINGS, mongod_url)
    prepare(database, MongoLocks(database), "tests")
    forget_nothing(database)
    yield database
    database.client.drop_database(database.name)
    database.client.close()


@pytest.fixture
async def mongo(prepared: SyncDatabase, mongod_url: str) -> AsyncIterator[Mongo]:
    """Emptied before each test: making the indexes anew would take twenty times as long."""
    for name in INDEXES:
        prepared[name].delete_many({})
    database = async_database(SETTINGS, mongod_url)
    yield Mongo(database, prepared)
    database.client.close()


@pytest.fixture
def kit(mongo: Mongo) -> StoreKit:
    return kit_of(mongo)


def kit_of(mongo: Mongo) -> StoreKit:
    """All ports over these databases, on a clock of their own."""
    time = HeldTime()
    return StoreKit(
        time=time,
        jobs=MongoJobs(mongo.asynchronous),
        tasks=MongoTasks(mongo.asynchronous, now=lambda: time.now),
        lifecycle=MongoLifecycle(mongo.asynchronous),
        history=MongoHistory(mongo.asynchronous),
        claims=MongoClaims(mongo.asynchronous, now=lambda: time.now),
        commits=MongoCommits(mongo.asynchronous),
        error_logs=MongoErrorLogs(mongo.asynchronous),
        users=MongoUsers(mongo.asynchronous),
        agenda=MongoAgenda(mongo.blocking, further=1),
        admissions=MongoAdmissions(mongo.blocking),
        limits=MongoLimits(mongo.blocking, now=lambda: time.now),
        server_limits=MongoLimits(mongo.blocking),
        locks=MongoLocks(mongo.blocking, now=lambda: time.now),
        slots=MongoSlots(mongo.asynchronous),
        letters=MongoLetters(mongo.asynchronous),
        looks=MongoLooks(mongo.asynchronous, now=lambda: time.now),
        retention=MongoRetention(mongo.asynchronous),
        ledger=MongoLedger(mongo.asynchronous, now=lambda: time.now),
        server_claims=MongoClaims(mongo.asynchronous),
        server_locks=MongoLocks(mongo.blocking),
    )
