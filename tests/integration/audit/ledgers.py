"""Reading what a world has left behind, and having it judged."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from karya.core.audit.findings import Finding
from karya.core.audit.judge import judge
from karya.core.audit.records import Entry, Moment
from karya.core.ports.ledger import Place
from karya.core.queries import AuditQuery
from karya.store.client import SyncDatabase, async_database
from karya.store.indexes import INDEXES
from tests.support.mongo import SETTINGS, Mongo, kit_of
from tests.support.world import LOCK, World

PATIENCE = timedelta(seconds=30)
"""Longer than anything takes that a world does by itself: its janitor waits ten seconds."""

T = TypeVar("T")


async def moment_of(world: World) -> Moment:
    """Now, in that world."""
    vitals = await world.kit.ledger.vitals(LOCK)
    return Moment(vitals.now, PATIENCE, vitals.alive_since, vitals.alive_until)


async def ledger_of(world: World) -> Sequence[Entry]:
    """All of its entries."""
    entries: list[Entry] = []
    place: Place | None = None
    while True:
        sheet = await world.kit.ledger.sheet(AuditQuery(), place)
        assert not sheet.unreadable
        entries += sheet.entries
        place = sheet.following
        if place is None:
            return entries


async def findings_in(world: World) -> Sequence[Finding]:
    """What is wrong in it."""
    moment = await moment_of(world)
    return [finding for entry in await ledger_of(world) for finding in judge(entry, moment).findings]


def in_a_world(prepared: SyncDatabase, url: str, story: Callable[[World], Coroutine[Any, Any, T]]) -> T:
    """Tells a story in an empty world with an event loop of its own."""

    async def tell() -> T:
        for name in INDEXES:
            prepared[name].delete_many({})
        database = async_database(SETTINGS, url)
        try:
            return await story(World(kit_of(Mongo(database, prepared))))
        finally:
            database.client.close()

    return asyncio.run(tell())
