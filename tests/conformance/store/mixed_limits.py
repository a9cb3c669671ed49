"""What every `Claims` and `Limits` must do where jobs name different limits for one key."""

from karya.core.ports import Commit
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.limits import Crowd, concurrency, rate
from tests.support.story import NOW, at, succeed


class MixedLimitsConformance:
    """Each task goes by the limit of its own job, and puts nobody off."""

    async def test_who_comes_to_wait_does_not_put_off_those_with_a_larger_limit(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(3, concurrency=concurrency(2))
        first, _ = await crowd.claim()
        await kit.commits.commit([Commit(first.hint.task_id, first.lease_id, succeed())], NOW)
        kit.time.advance(9)
        await crowd.jobs(1, concurrency=concurrency(1), created_at=kit.time.now)
        assert await crowd.claim() == []
        kit.time.advance(1)
        assert kit.limits.wake().tasks == 1

    async def test_no_rate_is_looked_at_later_because_of_a_smaller_limit(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(3, rate=rate(2, per=60))
        first, *others = crowd.due()
        await crowd.claim([first])
        kit.time.advance(30)
        await crowd.claim(others)
        await crowd.jobs(1, rate=rate(1, per=60))
        assert await crowd.claim() == []
        kit.time.advance(30)
        assert kit.limits.wake().tasks == 1

    async def test_a_rate_is_looked_at_when_it_has_room_for_any_of_those_that_wait(
        self, kit: StoreKit
    ) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(2, rate=rate(2, per=60))
        first, second = crowd.due()
        await crowd.claim([first])
        kit.time.advance(30)
        await crowd.claim([second])
        await crowd.jobs(1, rate=rate(1, per=60))
        await crowd.jobs(1, rate=rate(2, per=60), created_at=kit.time.now)
        assert kit.limits.park(crowd.due()) == []
        kit.time.advance(1)
        assert kit.limits.wake().tasks == 0
        assert kit.limits.wake().again_at == at(60)
        kit.time.advance(29)
        assert kit.limits.wake().tasks == 1
