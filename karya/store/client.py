"""The client for actors with an event loop: made here and nowhere else, so that another driver is a change of
this file and `blocking.py`."""

from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase

from karya.core.settings import StoreSettings
from karya.store.blocking import (
    CODEC,
    NAIVE_DATES,
    Document,
    SyncDatabase,
    first_line,
    options_for,
    sync_database,
    translated,
    unavailable,
)
from karya.store.listening import RoundTrip

__all__ = [
    "NAIVE_DATES",
    "AsyncDatabase",
    "Document",
    "SyncDatabase",
    "async_database",
    "first_line",
    "in_time",
    "sync_database",
    "translated",
    "unavailable",
]

AsyncDatabase = AsyncIOMotorDatabase[Document]


def async_database(
    settings: StoreSettings, url: str, on_round_trip: RoundTrip | None = None
) -> AsyncDatabase:
    """The database for actors with an event loop."""
    client: AsyncIOMotorClient[Document] = AsyncIOMotorClient(
        url, **options_for(settings, url, on_round_trip)
    )
    return client.get_database(settings.database, codec_options=CODEC)


@contextmanager
def in_time(part: AsyncIOMotorCollection[Document] | AsyncDatabase) -> Iterator[None]:
    """As `translated`, for what clients wait for: all of it together ends within `store.timeout`.

    Motor runs each operation in one of a few threads, and an operation holds its thread while it waits for a
    primary. The driver's deadline counts from here, so that waiting for a thread is part of it: however many
    wait, each of them is told in time. What only the cluster waits for, a few at a time, goes without.
    """
    database = part if isinstance(part, AsyncIOMotorDatabase) else part.database
    with translated(), pymongo.timeout(database.client.delegate.options.server_selection_timeout):
        yield
