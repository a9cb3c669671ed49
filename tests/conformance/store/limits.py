"""What every `Claims` and `Limits` must do with limits by key: never more than allowed, and none waits for
ever."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from karya.core.hint import Hint, hint_of
from karya.core.job import Job
from karya.core.limits import Concurrency, Rate
from karya.core.outcome import LEASE_EXPIRED
from karya.core.policies import Overlap
from karya.core.ports import Claim, Commit
from karya.core.task import Task, TaskState
from karya.core.times import MILLISECOND
from karya.core.transitions import Attempt, Transition, decide
from tests.conformance.store.kit import TTL, StoreKit
from tests.conformance.store.revisions import to
from tests.support.story import (
    NOW,
    ON_SUCCESS,
    SECOND,
    a_job,
    at,
    bury,
    cancel,
    first_task,
    release,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)

ALL_ENDS = [succeed(), retry(), bury(), release(), cancel()]


def concurrency(limit: int, key: str = "k") -> Concurrency:
    return Concurrency(key=key, limit=limit)


def rate(limit: int, per: float = 1, key: str = "k") -> Rate:
    return Rate(key=key, limit=limit, per=timedelta(seconds=per))


class Crowd:
    """Jobs whose tasks are due, and what became of them."""

    def __init__(self, kit: StoreKit) -> None:
        self.kit = kit

    async def jobs(self, count: int, **fields: Any) -> list[Job]:
        jobs = [a_job(**fields) for _ in range(count)]
        await self.kit.add(*map(submission, jobs))
        return jobs

    def due(self) -> list[Hint]:
        """What the scheduler would hand over now, or a moment later."""
        until = self.kit.time.now + 10 * MILLISECOND
        return [task.hint for task in self.kit.agenda.due(until, None, 1_000)]

    async def claim(self, hints: Sequence[Hint] | None = None) -> Sequence[Claim]:
        """All that is due."""
        return await self.kit.claims.claim(self.due() if hints is None else hints, "w", TTL)

    async def end(self, claims: Sequence[Claim], move: Transition) -> None:
        for claim in claims:
            assert not await self.kit.commit(claim, move)

    async def task(self, job: Job) -> Task:
        return await self.kit.task(first_task(job))


class LimitsConformance:
    """Tasks that are limited by a key."""

    # --- concurrency ------------------------------------------------------------------------------------

    async def test_no_more_than_the_limit_run_and_the_others_are_parked(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        jobs = await crowd.jobs(5, concurrency=concurrency(3))
        assert len(await crowd.claim()) == 3
        tasks = [await crowd.task(job) for job in jobs]
        waiting = [task for task in tasks if task.parked]
        assert [(task.status, task.held, task.token, task.attempts) for task in waiting] == [
            (TaskState.READY, True, 0, 0)
        ] * 2
        assert crowd.due() == []
        assert kit.limits.wake().tasks == 0

    async def test_of_many_who_claim_at_once_no_more_than_the_limit_win(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(24, concurrency=concurrency(5))
        hints = crowd.due()
        answers = await asyncio.gather(*(crowd.claim(hints[n::6]) for n in range(6)))
        assert sum(map(len, answers)) == 5

    async def test_whatever_the_end_the_seat_is_given_back(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(len(ALL_ENDS) + 1, concurrency=concurrency(1))
        for move in ALL_ENDS:
            claims = await crowd.claim()
            assert len(claims) == 1
            await crowd.end(claims, move)
            assert kit.limits.wake().tasks == 1, move
        assert len(await crowd.claim()) == 1

    async def test_the_seat_of_one_that_is_reaped_is_given_back(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(2, concurrency=concurrency(1))
        await crowd.claim()
        kit.time.advance(TTL.total_seconds())
        assert kit.limits.wake().tasks == 0, "it may still run"
        (expired,) = await kit.claims.expired(9)
        assert expired.lease is not None and expired.limits is not None
        move = decide(Attempt(expired.id, 1, expired.retry, None), LEASE_EXPIRED, None, at(20))
        commit = Commit(
            expired.id,
            expired.lease.id,
            move,
            seen_expiry=expired.lease.expires_at,
            seat=expired.limits.seat,
        )
        await kit.commits.commit([commit], at(20))
        assert kit.limits.wake().tasks == 1

    async def test_those_that_wait_are_found_though_nobody_said_that_there_is_room(
        self, kit: StoreKit
    ) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(2, concurrency=concurrency(1))
        (claim,) = await crowd.claim()
        await kit.commits.commit([Commit(claim.hint.task_id, claim.lease_id, succeed())], NOW)
        woken = kit.limits.wake()
        assert woken.tasks == 0
        assert woken.again_at is not None and woken.again_at - kit.time.now <= timedelta(seconds=10)
        kit.time.advance(10)
        assert kit.limits.wake().tasks == 1

    async def test_those_that_wait_go_in_the_order_of_their_instants_and_are_due_then(
        self, kit: StoreKit
    ) -> None:
        crowd = Crowd(kit)
        first, *others = await crowd.jobs(4, concurrency=concurrency(1))
        claims = await crowd.claim([hint_of(first_task(first))])
        kit.time.advance(2)
        assert await crowd.claim() == []
        kit.time.advance(3)
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 1
        (hint,) = crowd.due()
        assert (hint.instant, hint.due_at) == (NOW, at(5))
        task = await kit.task(hint.task_id)
        assert (task.first_due_at, task.limit_wait_ms) == (NOW, 3_000), "for 2 s nobody had asked for it"
        assert hint.task_id == min(first_task(job).id for job in others)

    async def test_no_key_waits_behind_others_that_have_had_their_turn(self, kit: StoreKit) -> None:
        """However many keys there are, and however soon some of them have room again."""
        crowd, names = Crowd(kit), {f"k{number}" for number in range(25)}
        for name in names:
            await crowd.jobs(4, concurrency=concurrency(1, name))
        claims, begun = await crowd.claim(), set[str]()
        for _ in range(3):
            kit.time.advance(0.1)
            await crowd.end(claims, succeed())
            kit.limits.wake()
            claims = await crowd.claim()
            allowed = (claim.hint.limits for claim in claims)
            begun |= {limits.concurrency.key for limits in allowed if limits and limits.concurrency}
        assert begun == names

    async def test_another_owner_has_another_key(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        for owner in ("ann", "bob", None):
            await crowd.jobs(2, concurrency=concurrency(1), rate=rate(9), user_id=owner)
        assert len(await crowd.claim()) == 3

    async def test_tasks_behind_those_that_wait_are_not_held_up(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(30, concurrency=concurrency(1))
        free = [*await crowd.jobs(3), *await crowd.jobs(2, concurrency=concurrency(2, "other"))]
        await crowd.claim()
        assert {(await crowd.task(job)).status for job in free} == {TaskState.RUNNING}
        await crowd.jobs(2)
        assert len(crowd.due()) == 2, "those that wait are not read again"

    async def test_each_by_the_limit_of_its_own_job(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        small = await crowd.jobs(3, concurrency=concurrency(1))
        await crowd.claim()
        large = await crowd.jobs(3, concurrency=concurrency(3))
        claims = await crowd.claim()
        assert {claim.hint.job_id for claim in claims} <= {job.id for job in large}
        assert len(claims) == 2
        await crowd.end(claims[:1], succeed())
        assert kit.limits.wake().tasks == 1
        assert crowd.due()[0].job_id not in {job.id for job in small}

    async def test_every_step_counts_and_no_hook(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        job = a_job(None, ON_SUCCESS, steps=[step("a"), step("b")], concurrency=concurrency(1))
        await kit.add(submission(job))
        claims = await crowd.claim()
        assert len(claims) == 1
        await crowd.end(claims, succeed())
        hooks = await kit.hooks_of(job.id)
        assert [hook.limits for hook in hooks] == [None]
        assert len(await crowd.claim()) == 1

    async def test_a_hint_that_is_no_longer_true_takes_nothing(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        job, other = await crowd.jobs(2, concurrency=concurrency(1))
        old = hint_of(await crowd.task(job))
        await crowd.end(await crowd.claim([old]), release())
        assert await crowd.claim([old]) == []
        assert len(await crowd.claim([hint_of(await crowd.task(other))])) == 1

    # --- what is done to those that wait ----------------------------------------------------------------

    async def test_a_pause_holds_those_that_wait_and_resuming_has_them_ask_again(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        running, waiting = await crowd.jobs(2, concurrency=concurrency(1))
        claims = await crowd.claim([hint_of(first_task(running))])
        await crowd.claim()
        await kit.lifecycle.pause(waiting.id, NOW)
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 0
        assert crowd.due() == []
        await kit.lifecycle.resume(waiting.id, at(1))
        kit.time.advance(1)
        assert [claim.hint.job_id for claim in await crowd.claim()] == [waiting.id]

    async def test_one_that_is_cancelled_while_it_waits_is_passed_over(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        jobs = await crowd.jobs(3, concurrency=concurrency(1))
        claims = await crowd.claim()
        waiting = [job for job in jobs if (await crowd.task(job)).parked]
        waiting.sort(key=lambda job: first_task(job).id)
        await kit.jobs.cancel(waiting[0].id, NOW)
        await kit.tasks.cancel_of_job(waiting[0].id, NOW)
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 1
        assert [hint.job_id for hint in crowd.due()] == [waiting[1].id]

    async def test_an_update_changes_the_limit_of_what_waits(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        running, waiting = await crowd.jobs(2, concurrency=concurrency(1))
        await crowd.claim([hint_of(first_task(running))])
        await crowd.claim()
        await kit.lifecycle.update(waiting.id, to(concurrency={"key": "k", "limit": 2}), NOW)
        assert [claim.hint.job_id for claim in await crowd.claim()] == [waiting.id]

    async def test_one_that_waits_for_a_limit_and_then_for_the_slot_gets_both(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        (other,) = await crowd.jobs(1, concurrency=concurrency(1))
        claims = await crowd.claim()
        (job,) = await crowd.jobs(1, concurrency=concurrency(1), overlap=Overlap.QUEUE)
        hint = hint_of(first_task(job))
        assert kit.admissions.admit([hint], NOW).admitted == [hint]
        assert await crowd.claim([hint]) == []
        await crowd.end(claims, succeed())
        assert kit.limits.wake().tasks == 1
        (hint,) = crowd.due()
        assert kit.admissions.admit([hint], NOW).admitted == [hint]
        assert len(await crowd.claim([hint])) == 1
        assert (await crowd.task(other)).status is TaskState.SUCCEEDED

    # --- parking by the scheduler -----------------------------------------------------------------------

    async def test_what_is_parked_at_once_is_let_go_like_the_others(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(4, concurrency=concurrency(1), rate=rate(9))
        first, *others = crowd.due()
        assert kit.limits.park(others) == []
        assert crowd.due() == [first]
        kit.time.advance(1)
        assert kit.limits.wake().tasks == 1, "nobody has claimed the first one"
        assert len(await crowd.claim()) == 1

    async def test_a_hint_that_is_no_longer_true_is_not_parked(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        (job,) = await crowd.jobs(1, concurrency=concurrency(1))
        old = hint_of(await crowd.task(job))
        await crowd.end(await crowd.claim(), release())
        kit.limits.park([old])
        assert (await crowd.task(job)).parked is None

    # --- rates ------------------------------------------------------------------------------------------

    async def test_no_stretch_of_time_holds_more_starts_than_allowed(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(40, rate=rate(4))
        starts: list[datetime] = []
        for _ in range(1_500):
            kit.limits.wake()
            claims = await crowd.claim() if crowd.due() else []
            starts += [kit.time.now] * len(claims)
            await crowd.end(claims, succeed())
            if len(starts) == 40:
                break
            kit.time.advance(0.013)
        assert len(starts) == 40
        assert max(sum(one <= other < one + SECOND for other in starts) for one in starts) == 4
        assert starts[-1] - starts[0] < 9 * SECOND * 1.05, "nor much fewer"

    async def test_a_rate_says_when_it_has_room_again(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(3, rate=rate(2, per=60))
        assert len(await crowd.claim()) == 2
        woken = kit.limits.wake()
        assert (woken.tasks, woken.again_at) == (0, at(60))
        kit.time.advance(60)
        assert kit.limits.wake().tasks == 1

    async def test_each_attempt_is_a_start(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        (job,) = await crowd.jobs(1, rate=rate(1, per=60))
        await crowd.end(await crowd.claim(), retry(due_at=at(1)))
        kit.time.advance(5)
        assert await crowd.claim() == []
        assert (await crowd.task(job)).parked is not None

    async def test_both_limits_hold(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        await crowd.jobs(6, concurrency=concurrency(2), rate=rate(3, per=60))
        claims = await crowd.claim()
        assert len(claims) == 2
        await crowd.end(claims, succeed())
        kit.limits.wake()
        claims = await crowd.claim()
        assert len(claims) == 1
        await crowd.end(claims, succeed())
        kit.limits.wake()
        assert await crowd.claim() == []

    # --- what is told -----------------------------------------------------------------------------------

    async def test_how_much_is_taken_is_told(self, kit: StoreKit) -> None:
        crowd = Crowd(kit)
        (job, *_) = await crowd.jobs(3, concurrency=concurrency(2), rate=rate(5, per=60))
        await crowd.claim()
        limits = tasks_of(job)[0].limits
        assert limits is not None
        assert await kit.tasks.taken([limits]) == {limits.seat: 2, limits.window: 2}
        kit.time.advance(61)
        assert await kit.tasks.taken([limits]) == {limits.seat: 2, limits.window: 0}
