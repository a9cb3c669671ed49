"""The scheduler offers each task at its instant, after its successor is stored, and again if need be."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from karya.actors import fairly, looking, scheduler
from karya.core.clock import SystemClock
from karya.core.hint import Hint, hint_of
from karya.core.schedule import Once
from karya.core.task import CLAIM_AHEAD, CLOCKS_AGREE
from tests.integration.actors.desk import CLOCK, SELDOM, Desk, Offers, from_now
from tests.support.away import AwayBlocking
from tests.support.mongo import Mongo
from tests.support.soon import soon
from tests.support.story import every, first_task


class Leaping(SystemClock):
    """A clock of which a test can say that time has passed."""

    passed = timedelta(0)

    def leap(self, time: timedelta) -> None:
        self.passed += time

    def now(self) -> datetime:
        return super().now() + self.passed

    def monotonic(self) -> float:
        return super().monotonic() + self.passed.total_seconds()


async def test_a_little_before_the_instant_so_that_it_is_claimed_by_then(desk: Desk) -> None:
    begun = from_now(0)
    jobs = [await desk.job(Once(at=begun + timedelta(seconds=wait))) for wait in (0.5, 0.35, 0.2)]
    post = desk.scheduler(poll=SELDOM)
    await post.offered(*reversed(jobs))
    offers = post.offers
    lags = [at - hint.due_at for at, hint in zip(offers.times, offers.hints, strict=True)]
    assert min(lags) >= CLOCKS_AGREE - CLAIM_AHEAD
    assert max(lags) < SELDOM / 2


async def test_what_needs_the_slot_of_its_job_at_its_instant_and_not_before(desk: Desk) -> None:
    job = await desk.job(0.2, overlap="skip")
    post = desk.scheduler(poll=SELDOM)
    await post.offered(job)
    assert post.offers.times[0] >= first_task(job).due_at


async def test_what_is_beyond_the_look_ahead_is_found_when_it_comes_near(desk: Desk) -> None:
    clock, hour = Leaping(), timedelta(hours=1)
    job = await desk.job(hour.total_seconds())
    post = desk.scheduler(clock=clock, lease=2 * hour, look_ahead=timedelta(milliseconds=100))
    await soon(lambda: post.looks > 2)
    assert post.says("karya_scheduler_planned_tasks") == 0
    clock.leap(hour - timedelta(seconds=0.3))
    await post.offered(job)
    assert post.offers.times[0] + clock.passed >= first_task(job).due_at - (CLAIM_AHEAD - CLOCKS_AGREE)


async def test_the_successor_is_stored_before_a_task_is_offered(desk: Desk, mongo: Mongo) -> None:
    job = await desk.job(every(0.1), from_now(-0.15))
    successors: list[int] = []

    def count(hints: Sequence[Hint]) -> None:
        for hint in hints:
            later = {"job_id": hint.job_id, "instant": {"$gt": hint.instant}}
            successors.append(mongo.blocking["tasks"].count_documents(later))

    offers = Offers()
    offers.on_offer = count
    post = desk.scheduler(offers=offers, look_ahead=timedelta(milliseconds=30))
    await soon(lambda: len(post.offers.jobs) >= 4)
    assert all(number >= 1 for number in successors)
    instants = [hint.instant for hint in post.offers.hints[:4]]
    assert instants == [job.created_at + timedelta(seconds=0.1 * n) for n in range(1, 5)]


async def test_what_is_due_is_offered_while_others_get_their_successors(
    desk: Desk, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking, "_PART", 2)
    for number in range(6):
        await desk.job(every(60), from_now(-60.5 + number / 20))
    stored: list[int] = []
    offers = Offers()
    offers.on_offer = lambda _: stored.append(mongo.blocking["tasks"].count_documents({}))
    post = desk.scheduler(offers=offers, look_ahead=timedelta(seconds=30))
    await soon(lambda: len(post.offers.jobs) >= 6)
    assert stored == [8, 10, 12]


async def test_a_poke_finds_a_new_task_at_once(desk: Desk) -> None:
    post = desk.scheduler(poll=SELDOM)
    await soon(lambda: post.looks == 1)
    job = await desk.job()
    post.inbox.poke(job.cursor.at)
    await post.offered(job)


async def test_a_new_task_that_is_told_is_offered_without_a_look(desk: Desk) -> None:
    post = desk.scheduler(poll=SELDOM)
    await soon(lambda: post.looks == 1)
    jobs = [await desk.job(), await desk.job(pool="gpu"), await desk.job()]
    post.inbox.poke(None, [hint_of(first_task(job)) for job in jobs])
    await post.offered(jobs[0], jobs[2])
    post.inbox.poke(jobs[0].cursor.at)
    await soon(lambda: post.looks == 2)
    assert len(post.offers.jobs) == 2, "what was told is known to the looks"


async def test_a_poke_about_the_far_future_causes_no_look(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = desk.scheduler(poll=SELDOM)
    await soon(lambda: post.looks == 1)
    job, far, take_poke = await desk.job(), from_now(3600), post.inbox.take_poke
    heard: list[datetime | None] = []

    def take() -> datetime | None:
        heard.append(take_poke())
        return heard[-1]

    async def turn() -> None:
        before = len(heard)
        post.inbox.wake()
        await soon(lambda: len(heard) > before)

    monkeypatch.setattr(post.inbox, "take_poke", take)
    post.inbox.poke(far)
    await soon(lambda: far in heard)
    await turn()  # it begins when that of the poke is over
    await turn()
    assert (post.looks, post.offers.jobs) == (1, [])
    post.inbox.poke(job.cursor.at)
    await post.offered(job)


async def test_a_hint_that_nobody_claims_is_sent_again(desk: Desk) -> None:
    job, wait = await desk.job(), timedelta(milliseconds=150)
    begun = CLOCK.now()
    post = desk.scheduler(resend_after=wait)
    await soon(lambda: len(post.offers.jobs) >= 3)
    assert post.offers.times[2] - begun >= 2 * wait
    await desk.kit.server_claims.claim([hint_of(first_task(job))], "w", SELDOM)
    looks, sent = post.looks, len(post.offers.jobs)
    await soon(lambda: post.looks > looks + 12)
    assert len(post.offers.jobs) <= sent + 1


async def test_a_hint_is_not_sent_again_before(desk: Desk) -> None:
    job = await desk.job()
    post = desk.scheduler()
    await soon(lambda: post.looks > 5)
    await post.offered(job)


async def test_a_hint_that_comes_back_is_sent_again_at_once(desk: Desk) -> None:
    job = await desk.job()
    post = desk.scheduler(poll=SELDOM)
    await post.offered(job)
    stale = replace(post.offers.hints[0], token=5)
    post.inbox.put_back([stale, post.offers.hints[0]])
    await post.offered(job, job)


async def test_a_backlog_beyond_the_capacity_is_read_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_CAPACITY", 10)
    jobs = [await desk.job(-60 + number) for number in range(37)]
    post = desk.scheduler(poll=SELDOM, batch=4)
    await post.offered(*jobs)


async def test_a_full_queue_is_waited_for_and_the_backlog_read_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even when the timetable was full as it looked from the start: then all is still unread."""
    monkeypatch.setattr(scheduler, "_CAPACITY", 10)
    jobs = [await desk.job(-60 + number) for number in range(37)]
    offers = Offers()
    offers.left = 0
    post = desk.scheduler(poll=SELDOM, batch=4, offers=offers)
    await soon(lambda: post.says("karya_scheduler_planned_tasks") == 10)
    post.inbox.poke(jobs[0].cursor.at)
    await soon(lambda: post.looks == 2)
    while len(offers.jobs) < len(jobs):
        offers.left = 3
        post.inbox.wake()
        await soon(lambda: offers.left == 0 or len(offers.jobs) == len(jobs))
    await post.offered(*jobs)


async def test_a_lone_task_is_not_hidden_by_the_crowd_of_another_user(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor are those of more users than are asked for in one go."""
    monkeypatch.setattr(scheduler, "_CAPACITY", 10)
    monkeypatch.setattr(fairly, "_SHARES_AT_ONCE", 2)
    monkeypatch.setattr(fairly, "_REST_SECONDS", 0.01)
    for number in range(40):
        await desk.job(-60 + number, user_id="crowd")
    lone = {(await desk.job(-1, user_id=name)).id for name in ("ann", "bob", "zoe")}
    offers = Offers()
    offers.left = 0
    post = desk.scheduler(poll=SELDOM, batch=4, offers=offers)
    await soon(lambda: post.says("karya_scheduler_planned_tasks") == 20)
    offers.left = 6
    post.inbox.wake()
    await soon(lambda: offers.left == 0)
    assert lone <= set(offers.jobs)


async def test_of_one_user_the_urgent_are_not_hidden_by_the_others(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "_CAPACITY", 10)
    for number in range(40):
        await desk.job(-60 + number)
    urgent = await desk.job(-1, priority=9)
    offers = Offers()
    offers.left = 0
    post = desk.scheduler(poll=SELDOM, batch=4, offers=offers)
    await soon(lambda: post.says("karya_scheduler_planned_tasks") == 11)
    offers.left = 1
    post.inbox.wake()
    await post.offered(urgent)


async def test_a_store_that_is_away_is_waited_for(desk: Desk) -> None:
    agenda, locks = AwayBlocking(desk.kit.agenda), AwayBlocking(desk.kit.locks)
    locks.left = agenda.left = 3
    job = await desk.job()
    post = desk.scheduler(agenda=agenda, locks=locks)
    await post.offered(job)
    agenda.left = 3
    another = await desk.job()
    await post.offered(job, another)


async def test_a_look_that_took_long_does_not_keep_it_from_the_next(desk: Desk) -> None:
    """As when the database was killed and started in the middle of it."""
    clock, agenda = Leaping(), AwayBlocking(desk.kit.agenda)
    first = await desk.job()
    agenda.before["due"] = lambda: clock.leap(timedelta(seconds=10))
    hour = timedelta(hours=1)
    post = desk.scheduler(agenda=agenda, clock=clock, lease=hour, look_ahead=timedelta(milliseconds=50))
    await post.offered(first)
    another = await desk.job()
    await post.offered(first, another)


async def test_a_chain_that_was_cut_is_mended(desk: Desk) -> None:
    job = await desk.job(every(10), from_now(-16))
    assert await desk.kit.server_claims.claim([hint_of(first_task(job))], "w", SELDOM)
    post = desk.scheduler()
    await soon(lambda: post.says("karya_chains_mended_total") == 1)
    assert len(await desk.kit.tasks_of(job.id)) >= 2
