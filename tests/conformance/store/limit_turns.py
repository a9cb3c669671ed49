"""What every `Claims` and `Limits` must do with those who wait for a limit: who came first goes first."""

from typing import Any

import pytest

from karya.core.hint import Hint, hint_of
from karya.core.schedule import Once
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.limits import Crowd, concurrency, rate
from tests.support.story import NOW, a_job, first_task, submission, succeed


async def newcomer(crowd: Crowd, **fields: Any) -> Hint:
    """The hint of one that is due just now."""
    job = a_job(Once(at=crowd.kit.time.now), **fields)
    await crowd.kit.add(submission(job))
    return hint_of(first_task(job))


class LimitTurnsConformance:
    """Tasks that wait for a key, and tasks that come new."""

    async def test_who_comes_new_does_not_overtake_who_waits(self, kit: StoreKit) -> None:
        """Neither before those are let go that wait, nor before they are claimed."""
        crowd = Crowd(kit)
        first, waiting = await crowd.jobs(2, concurrency=concurrency(1))
        claims = await crowd.claim([hint_of(first_task(first))])
        assert await crowd.claim() == []
        await crowd.end(claims, succeed())
        kit.time.advance(1)
        assert await crowd.claim([await newcomer(crowd, concurrency=concurrency(1))]) == []
        assert kit.limits.wake().tasks == 1
        let_go = hint_of(await crowd.task(waiting))
        kit.time.advance(0.1)
        newer = await newcomer(crowd, concurrency=concurrency(1))
        assert await crowd.claim([newer]) == []
        assert kit.limits.wake().tasks == 0, "its room is kept"
        assert [claim.hint for claim in await crowd.claim([let_go])] == [let_go]

    async def test_nobody_starves_though_others_come_all_the_time(self, kit: StoreKit) -> None:
        """Each is faster than a look of the scheduler."""
        crowd = Crowd(kit)
        old = await crowd.jobs(3, rate=rate(9), concurrency=concurrency(1))
        claims = await crowd.claim()
        begun = [claim.hint.job_id for claim in claims]
        for _ in range(6):
            await crowd.end(claims, succeed())
            kit.time.advance(0.01)
            newer = await newcomer(crowd, rate=rate(9), concurrency=concurrency(1))
            claims = await crowd.claim([newer])
            kit.limits.wake()
            claims = [*claims, *await crowd.claim()]
            begun += [claim.hint.job_id for claim in claims]
        assert set(begun[:3]) == {job.id for job in old}
        assert len(begun) == 7, "and no seat was left empty"

    async def test_room_that_nobody_who_waits_could_have_is_for_who_comes_new(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(3, concurrency=concurrency(2))
        claims = await crowd.claim()
        kit.time.advance(1)
        large = [await newcomer(crowd, concurrency=concurrency(3)) for _ in range(2)]
        assert len(await crowd.claim(large)) == 1
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 2
        assert len(await crowd.claim()) == 2
        assert kit.limits.wake().tasks == 0

    async def test_of_those_due_together_who_was_handed_over_is_not_behind_who_was_parked(
        self, kit: StoreKit
    ) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(4, concurrency=concurrency(2))
        first, second, *others = crowd.due()
        assert kit.limits.park(others) == []
        assert len(await crowd.claim([first, second])) == 2

    async def test_room_that_was_promised_and_is_not_taken_is_free_again(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        first, waiting = await crowd.jobs(2, concurrency=concurrency(1))
        claims = await crowd.claim([hint_of(first_task(first))])
        await crowd.claim()
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 1
        await kit.jobs.cancel(waiting.id, NOW)
        await kit.tasks.cancel_of_job(waiting.id, NOW)
        newer = await newcomer(crowd, concurrency=concurrency(1))
        assert await crowd.claim([newer]) == []
        kit.time.advance(1)
        assert kit.limits.wake().tasks == 1
        assert len(await crowd.claim()) == 1

    @pytest.mark.parametrize("limits", [{"concurrency": concurrency(1)}, {"rate": rate(1)}], ids=str)
    async def test_who_comes_long_after_it_was_let_go_is_claimed(
        self, kit: StoreKit, limits: dict[str, Any]
    ) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(2, **limits)
        await crowd.end(await crowd.claim(), succeed())
        kit.time.advance(2)
        assert kit.limits.wake().tasks == 1
        kit.time.advance(2)
        kit.limits.wake()
        assert kit.limits.wake().again_at is None, "nobody waits, and nobody is waited for"
        assert len(await crowd.claim()) == 1

    async def test_of_two_limits_none_keeps_out_who_was_let_go_for_the_other(self, kit: StoreKit) -> None:
        """Else those that wait for one and those that wait for the other could keep each other out."""
        crowd, both = Crowd(kit), {"concurrency": concurrency(1), "rate": rate(1)}
        await crowd.end(await crowd.claim([await newcomer(crowd, **both)]), succeed())
        kit.time.advance(0.1)
        assert await crowd.claim([await newcomer(crowd, **both)]) == [], "it waits for the rate"
        holders = await crowd.claim([await newcomer(crowd, concurrency=concurrency(1))])
        kit.time.advance(0.1)
        assert await crowd.claim([await newcomer(crowd, **both)]) == [], "it waits for the seat"
        await crowd.end(holders, succeed())
        assert kit.limits.wake().tasks == 1
        (let_go,) = crowd.due()
        kit.time.advance(1)
        lot = [await newcomer(crowd, **both), let_go]
        assert [claim.hint for claim in await crowd.claim(lot)] == [let_go]
