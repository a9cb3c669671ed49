"""Counts for the overview: right, bounded, and answered by an index."""

from datetime import timedelta

import pytest

from karya.core.hint import hint_of
from karya.core.job import JobState
from karya.core.limits import Concurrency, Rate
from karya.core.ports.census import LimitKind, Parked
from karya.core.queries import LetterQuery
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.store.tallies import MongoTallies
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.commands import RECORDER, plans
from tests.support.mongo import Mongo
from tests.support.story import NOW, a_job, at, bury, every, first_task, submission


@pytest.fixture
def tallies(mongo: Mongo) -> MongoTallies:
    return MongoTallies(mongo.asynchronous)


@pytest.fixture
async def filled(kit: StoreKit) -> StoreKit:
    """Twenty jobs of Ann's that are due one a second, five of a pool, ten that recur, three dead letters."""
    mine = [a_job(Once(at=at(n)), user_id="ann") for n in range(20)]
    pool = [a_job(Once(at=at(n)), pool="gpu") for n in range(5)]
    recurring = [a_job(every(60 * (n + 1))) for n in range(10)]
    await kit.add(*map(submission, (*mine, *pool, *recurring)))
    kit.time.advance(1)
    for job in [*mine[:2], pool[0]]:
        await kit.commit(await kit.claim(first_task(job)), bury("boom"))
    await kit.lifecycle.pause(mine[-1].id, NOW)
    return kit


@pytest.fixture
async def limited(filled: StoreKit) -> StoreKit:
    """Of five that one seat is for four wait, of three that may start in a minute two."""
    seat, rate = Concurrency(key="k", limit=1), Rate(key="k", limit=1, per=timedelta(minutes=1))
    seated = [a_job(Once(at=at(1)), user_id="ann", concurrency=seat) for _ in range(5)]
    rated = [a_job(Once(at=at(1)), user_id="ann", rate=rate) for _ in range(3)]
    await filled.add(*map(submission, (*seated, *rated)))
    for jobs in (seated, rated):
        hints = [hint_of(first_task(job)) for job in jobs]
        assert len(await filled.claims.claim(hints, "w", TTL)) == 1
    return filled


async def test_what_is_ready(filled: StoreKit, tallies: MongoTallies) -> None:
    pools = ("default", "gpu")
    assert await tallies.ready(pools, None, at(10), 100) == 9 + 4
    assert await tallies.ready(["gpu"], None, at(10), 100) == 4
    assert await tallies.ready(pools, at(10), at(19), 100) == 8, "from behind ten on, the held one is not"
    assert await tallies.ready(pools, None, at(10), 5) == 5
    assert await tallies.ready(["empty"], None, at(10), 5) == 0


async def test_what_is_dead(filled: StoreKit, tallies: MongoTallies) -> None:
    assert await tallies.dead(None, 100) == 3
    assert await tallies.dead("ann", 100) == 2
    assert await tallies.dead("bob", 100) == 0
    assert await tallies.dead(None, 2) == 2


async def test_what_waits_for_a_limit(limited: StoreKit, tallies: MongoTallies) -> None:
    assert await tallies.parked(100) == {
        LimitKind.CONCURRENCY: Parked(4, at(1)),
        LimitKind.RATE: Parked(2, at(1)),
    }
    assert sum(kind.count for kind in (await tallies.parked(3)).values()) == 3
    found = await tallies.open_of("ann", 100, 100)
    assert sum(task.parked for task in found) == 6
    assert all(task.held for task in found if task.parked)


async def test_jobs_by_state(filled: StoreKit, tallies: MongoTallies) -> None:
    assert await tallies.jobs(JobState.PAUSED, None, 100) == 1
    assert await tallies.jobs(JobState.PAUSED, "ann", 100) == 1
    assert await tallies.jobs(JobState.PAUSED, "bob", 100) == 0
    assert await tallies.jobs(JobState.ACTIVE, None, 7) == 7


async def test_chains_go_on_from_where_their_tasks_end(filled: StoreKit, tallies: MongoTallies) -> None:
    chains = await tallies.chains(at(300), 100)
    assert [(chain.at, chain.seen) for chain in chains] == [(at(60 * n), 1) for n in range(1, 6)]
    assert chains[0].schedule == every(60)
    assert len(await tallies.chains(at(9999), 4)) == 4


async def test_the_open_tasks_of_one_user(filled: StoreKit, tallies: MongoTallies) -> None:
    found = await tallies.open_of("ann", 100, 100)
    # Jobs whose only task is dead are still ACTIVE here, for nobody has settled them; one is paused.
    assert len(found) == 17
    assert {task.status for task in found} == {TaskState.READY}
    assert len(await tallies.open_of("ann", 3, 100)) <= 3, "no more jobs than that are looked at"
    assert len(await tallies.open_of("ann", 100, 5)) == 5
    assert await tallies.open_of("bob", 100, 100) == []


async def test_every_count_reads_an_index_and_no_more_than_it_may(
    limited: StoreKit, tallies: MongoTallies, mongo: Mongo
) -> None:
    with RECORDER.recorded() as said:
        await tallies.ready(("default", "gpu"), at(1), at(900), 4)
        await tallies.dead(None, 2)
        await tallies.parked(4)
        await tallies.dead("ann", 2)
        await tallies.jobs(JobState.ACTIVE, None, 4)
        await tallies.jobs(JobState.ACTIVE, "ann", 4)
        await tallies.chains(at(300), 3)
        await tallies.open_of("ann", 3, 4)
    found = plans(mongo.blocking, said)
    assert len(found) == 9
    for plan in found:
        assert plan.indexes and "COLLSCAN" not in plan.stages and "SORT" not in plan.stages, str(plan)
        assert plan.keys <= 10 and plan.documents <= 4, str(plan)


async def test_the_letters_of_one_user_are_read_along_an_index(filled: StoreKit, mongo: Mongo) -> None:
    with RECORDER.recorded() as said:
        page = await filled.letters.find(LetterQuery(user_id="ann"), cursor=None, limit=1)
        await filled.letters.find(LetterQuery(user_id="ann"), cursor=page.next_cursor, limit=1)
    found = plans(mongo.blocking, said)
    assert len(found) == 2
    for plan in found:
        assert plan.indexes == {"dead_by_user"} and "SORT" not in plan.stages, str(plan)
