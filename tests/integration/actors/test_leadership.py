"""One scheduler leads; another goes on from the store when it ends, is lost or is dead."""

from datetime import timedelta
from typing import Any, cast

import pytest

from karya.actors.leading import Leadership
from karya.core.errors import StoreUnavailable
from karya.core.ports.scheduling import SCHEDULER_LOCK
from tests.conformance.store.kit import TTL, StoreKit
from tests.integration.actors.desk import SELDOM, Desk
from tests.support.away import AwayBlocking
from tests.support.held_clock import HeldClock
from tests.support.mongo import Mongo
from tests.support.soon import soon


def holder(kit: StoreKit) -> str | None:
    found = kit.locks.holder(SCHEDULER_LOCK)
    return found.owner if found else None


def predecessor(kit: StoreKit) -> None:
    """Somebody else leads, who will never renew."""
    assert kit.locks.acquire(SCHEDULER_LOCK, "predecessor", TTL, {}) is not None


async def test_the_leader_publishes_where_its_dispatcher_listens(desk: Desk) -> None:
    await desk.scheduler("one").leads()
    found = desk.kit.locks.holder(SCHEDULER_LOCK)
    assert found is not None
    assert (found.owner, found.info) == ("one", {"endpoint": "tcp://one"})


async def test_one_of_two_leads_and_the_other_takes_over_when_it_ends(desk: Desk) -> None:
    one = desk.scheduler("one")
    await one.leads()
    two = desk.scheduler("two")
    first = await desk.job()
    await one.offered(first)
    assert (two.scheduler.leads, two.offers.jobs) == (False, [])
    await one.stop()
    await two.leads()
    second = await desk.job()
    await two.offered(first, second)
    assert one.offers.jobs == [first.id]


async def test_one_that_resigns_has_led_until_then(desk: Desk) -> None:
    """Though it renewed its lock long before: what fell due since then counts as seen."""
    one = desk.scheduler("one", lease=SELDOM)
    await one.leads()
    desk.kit.time.advance(3)
    await one.stop()
    lease = desk.kit.locks.acquire(SCHEDULER_LOCK, "two", TTL, {})
    assert lease is not None
    assert lease.idle_since == desk.kit.time.now


async def test_it_leads_when_the_lease_of_its_predecessor_has_expired(desk: Desk) -> None:
    predecessor(desk.kit)
    job = await desk.job()
    locks = AwayBlocking(desk.kit.locks)
    locks.left = 2
    post = desk.scheduler(locks=locks)
    await soon(lambda: locks.left == 0)
    assert (post.scheduler.leads, post.offers.jobs) == (False, [])
    desk.kit.time.now += TTL
    await post.leads()
    await post.offered(job)


async def test_it_does_not_wait_for_the_dead(desk: Desk) -> None:
    predecessor(desk.kit)
    post = desk.scheduler("successor", poll=SELDOM, is_dead=lambda owner: owner == "predecessor")
    await post.leads()
    assert holder(desk.kit) == "successor"


@pytest.mark.parametrize("lost", ["acquire", "renew", "the clock"])
async def test_since_when_nobody_led_is_not_forgotten_when_an_answer_is_lost(desk: Desk, lost: str) -> None:
    """What was due meanwhile counts as first seen now, though it took two tries to lead."""
    kit = desk.kit
    lease = kit.locks.acquire(SCHEDULER_LOCK, "predecessor", TTL, {})
    assert lease is not None
    assert kit.locks.renew(lease, TTL)
    used = kit.time.now
    kit.time.advance(3600)
    losses = [lost]

    class Unheard:
        """Does what it is asked for; the first answer is lost."""

        def __getattr__(self, name: str) -> Any:
            def call(*args: Any) -> Any:
                answer = getattr(kit.locks, name)(*args)
                lose(name)
                return answer

            return call

    def lose(name: str) -> None:
        if name in losses:
            losses.remove(name)
            raise StoreUnavailable("no answer")

    leadership = Leadership(
        owner="s",
        endpoint="tcp://s",
        ttl=TTL,
        locks=cast("Any", Unheard()),
        clock=HeldClock(kit.time),
        sync_clock=lambda: lose("the clock"),
        is_dead=lambda _: False,
    )
    with pytest.raises(StoreUnavailable):
        leadership.take()
    assert not leadership.holds
    again = leadership.take()
    assert again is not None
    assert again.idle_since == used
    assert leadership.is_fresh


async def test_it_keeps_the_lock_by_renewing_it(desk: Desk, mongo: Mongo) -> None:
    lease = timedelta(milliseconds=200)
    post = desk.scheduler(lease=lease)
    await post.leads()

    def renewed() -> bool:
        stored = mongo.blocking["locks"].find_one({"_id": SCHEDULER_LOCK})
        return stored is not None and stored["expires_at"] == desk.kit.time.now + lease

    for _ in range(4):
        desk.kit.time.advance(0.15)
        await soon(renewed)
        assert desk.kit.locks.acquire(SCHEDULER_LOCK, "thief", TTL, {}) is None
    assert holder(desk.kit) == "s"


async def test_a_leader_that_lost_the_lock_forgets_what_it_knew(desk: Desk) -> None:
    """Another may have gone on: what it sent is read anew, and what it planned may be gone."""
    sent = await desk.job()
    planned = await desk.job(20)
    post = desk.scheduler(lease=timedelta(seconds=8))
    await post.offered(sent)
    await soon(lambda: post.says("karya_scheduler_planned_tasks") == 1)
    desk.kit.time.now += TTL
    thief = desk.kit.locks.acquire(SCHEDULER_LOCK, "thief", TTL, {})
    assert thief is not None
    await soon(lambda: not post.scheduler.leads)
    await soon(lambda: post.says("karya_scheduler_leader") == 0)
    assert post.says("karya_scheduler_planned_tasks") == 0
    await desk.kit.jobs.cancel(planned.id, planned.created_at)
    await desk.kit.tasks.cancel_of_job(planned.id, planned.created_at)
    marker = await desk.job(1)
    desk.kit.locks.release(thief)
    await post.offered(sent, sent, marker)
    assert post.says("karya_scheduler_leader") == 1


async def test_a_leader_that_cannot_renew_stops_offering(desk: Desk) -> None:
    locks = AwayBlocking(desk.kit.locks)
    post = desk.scheduler(locks=locks, lease=timedelta(seconds=2))
    await post.leads()
    locks.left = 1_000_000
    await soon(lambda: locks.left < 1_000_000)
    job = await desk.job()
    await soon(lambda: not post.scheduler.leads)
    assert post.offers.jobs == []
    locks.left = 0
    await post.offered(job)
