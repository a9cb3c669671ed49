"""How many tasks wait is counted by indexes alone."""

from datetime import timedelta

import pytest

from karya.core.ports import Commit
from karya.core.ports.census import Census, LimitKind, Parked, Queued
from karya.core.schedule import Once
from karya.core.settings import StoreSettings
from karya.core.transitions import bury
from karya.store import census as censuses
from karya.store.census import MongoCensus
from karya.store.client import async_database
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import NOW, a_job, at, first_task, submission


async def stored(kit: StoreKit, *seconds: float) -> list[str]:
    jobs = [a_job(Once(at=NOW + timedelta(seconds=at)), created_at=NOW) for at in seconds]
    await kit.add(*(submission(job) for job in jobs))
    return [first_task(job).id for job in jobs]


async def counted(mongo: Mongo, *pools: str) -> Census:
    return await MongoCensus(mongo.asynchronous).take(pools, NOW + timedelta(seconds=60))


async def test_what_is_not_late_yet(kit: StoreKit, mongo: Mongo) -> None:
    await stored(kit, 58.9, 59.1)
    assert (await counted(mongo, "default")).pools["default"].late == 1, "the same second as on the page"


async def test_due_late_running_and_dead(kit: StoreKit, mongo: Mongo) -> None:
    await stored(kit, 0, 20, 58.5, 600)
    census = await counted(mongo, "default", "gpu")
    oldest = timedelta(seconds=60)
    assert census == Census(
        at(60),
        {"default": Queued(3, 3, oldest), "gpu": Queued()},
        running=0,
        dead=0,
        parked=dict.fromkeys(LimitKind, Parked()),
    )


async def test_running_and_dead(kit: StoreKit, mongo: Mongo) -> None:
    one, two, _ = await stored(kit, 0, 0, 0)
    kit.time.advance(1)
    claim = await kit.claim(await kit.task(one))
    await kit.claim(await kit.task(two))
    await kit.commits.commit([Commit(one, claim.lease_id, bury("x", "y", NOW, NOW))], NOW)
    census = await counted(mongo, "default")
    assert (census.pools["default"].due, census.running, census.dead) == (1, 1, 1)


async def test_no_more_are_counted_than_helps(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(censuses, "MOST_COUNTED", 2)
    await stored(kit, 30, 20, 0, 10)
    queued = (await counted(mongo, "default")).pools["default"]
    assert queued == Queued(2, 2, timedelta(seconds=60)), "the first ones were counted"


async def test_every_command_is_told(mongod_url: str) -> None:
    told: list[tuple[str, float, bool]] = []
    database = async_database(StoreSettings(), mongod_url, lambda *trip: told.append(trip))
    await database.command("ping")
    with pytest.raises(Exception, match="nonsense"):
        await database.command("nonsense")
    assert [(name, failed) for name, _, failed in told] == [("ping", False), ("nonsense", True)]
    assert all(0 < seconds < 60 for _, seconds, _ in told)
    database.client.close()
