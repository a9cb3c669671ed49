"""The scheduler parks what cannot start within its limits, and lets it go when there is room."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from karya.core.hint import Hint
from karya.core.job import Job
from karya.core.limits import Concurrency, Rate
from karya.core.ports import Claim, Woken
from karya.core.schedule import Once
from tests.conformance.store.kit import TTL
from tests.integration.actors.desk import SELDOM, Desk, Offers, Post, from_now, now
from tests.support.away import AwayBlocking
from tests.support.mongo import Mongo
from tests.support.soon import soon
from tests.support.story import a_job, submission, succeed

THREE = Concurrency(key="k", limit=3)


async def many(desk: Desk, count: int, **fields: Any) -> list[Job]:
    due = Once(at=from_now(-0.1))
    jobs = [a_job(due, created_at=from_now(-1), **fields) for _ in range(count)]
    await desk.kit.add(*map(submission, jobs))
    return jobs


class Taking:
    """A worker that claims whatever is offered, and ends what it is told to."""

    def __init__(self, desk: Desk, post: Post) -> None:
        self.desk, self.post, self.running = desk, post, list[Claim]()
        self._taken = 0

    async def take(self) -> int:
        """Claims what was offered since; how many run."""
        hints, self._taken = self.post.offers.hints[self._taken :], len(self.post.offers.hints)
        won = await self.desk.kit.server_claims.claim(hints, "w", TTL) if hints else []
        self.running += won
        return len(self.running)

    async def end(self, count: int) -> None:
        """Ends the first of those with limits, and tells the scheduler as a reporter does."""
        for claim in [claim for claim in self.running if claim.hint.limits][:count]:
            await self.desk.kit.commit(claim, succeed())
            self.running.remove(claim)
        self.post.inbox.poke(now())


def parked(mongo: Mongo) -> int:
    return mongo.blocking["tasks"].count_documents({"parked": {"$exists": True}})


async def test_a_thousand_that_wait_hold_up_nobody_and_go_one_by_one(desk: Desk, mongo: Mongo) -> None:
    await many(desk, 1_000, concurrency=THREE)
    other = await desk.job(created_at=from_now(0))
    post = desk.scheduler(poll=SELDOM, locks=desk.kit.server_locks)
    taking = Taking(desk, post)
    await soon(lambda: other.id in post.offers.jobs)
    await soon(lambda: parked(mongo) >= 900)
    assert len(post.offers.jobs) < 100, "the workers are spared"

    async def four_run() -> bool:
        return await taking.take() == 4

    await soon(four_run)
    await soon(lambda: post.says("karya_scheduler_planned_tasks") == 0)
    assert parked(mongo) == 997
    for _ in range(5):
        await taking.end(1)
        await soon(four_run)
    assert parked(mongo) == 992


async def test_a_rate_paces_what_waits(desk: Desk) -> None:
    per = timedelta(seconds=0.3)
    await many(desk, 6, rate=Rate(key="k", limit=2, per=per))
    taking = Taking(desk, desk.scheduler(poll=SELDOM))

    async def all_run() -> bool:
        return await taking.take() == 6

    await soon(all_run)
    tasks = [await desk.kit.task(claim.hint.task_id) for claim in taking.running]
    starts = sorted(task.lease.expires_at for task in tasks if task.lease)  # each a TTL after its start
    assert len(starts) == 6
    assert all(later - one > per * 0.9 for one, later in zip(starts, starts[2:], strict=False))


async def test_another_scheduler_goes_on_with_those_that_wait(desk: Desk, mongo: Mongo) -> None:
    await many(desk, 5, concurrency=THREE)
    locks = desk.kit.server_locks
    one = desk.scheduler("one", locks=locks)
    taking = Taking(desk, one)

    async def three_run() -> bool:
        return await taking.take() == 3 and parked(mongo) == 2

    await soon(three_run)
    await one.stop()
    for claim in taking.running:
        await desk.kit.commit(claim, succeed())
    two = desk.scheduler("two", locks=locks)
    await soon(lambda: len(two.offers.jobs) == 2)


async def test_while_the_store_is_away_none_is_lost(desk: Desk, mongo: Mongo) -> None:
    limits = AwayBlocking(desk.kit.server_limits)
    limits.left = 3
    await many(desk, 5, concurrency=THREE)
    post = desk.scheduler(limits=limits)
    await soon(lambda: parked(mongo) == 2)
    await soon(lambda: len(post.offers.jobs) == 3)


class Silent:
    """Implements `Limits`; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def wake(self) -> Woken:
        self.asked += 1
        return Woken()

    def park(self, hints: Sequence[Hint]) -> Sequence[Hint]:
        raise AssertionError("nothing has limits")


async def test_where_nobody_uses_limits_nobody_asks_for_them(desk: Desk) -> None:
    limits, offers = Silent(), Offers()
    post = desk.scheduler(limits=limits, offers=offers)
    await soon(lambda: limits.asked == 1)
    for number in range(1, 21):
        await desk.job()
        post.inbox.poke(now())
        await soon(lambda number=number: len(offers.jobs) == number)  # type: ignore[misc]
    assert limits.asked == 1, "at the first sweep"
