"""What every `Agenda` must do with chains that a crash cut."""

import asyncio
from datetime import datetime, timedelta

import pytest

from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.policies import Misfire, Overlap
from karya.core.ports import Submission
from karya.core.schedule import Cron, Once
from karya.core.transitions import Transition
from tests.conformance.store.agenda import following, instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.support.story import (
    NOW,
    a_job,
    at,
    bury,
    cancel,
    due,
    every,
    first_task,
    step,
    submission,
    succeed,
    tasks_of,
)


def mended(kit: StoreKit, before: datetime, now: datetime, limit: int = 10) -> int:
    """How many chains one look mends."""
    return len(kit.agenda.stalled(before, now, limit).moved)


class StalledConformance:
    """Each way in which a recurring job can be left without a successor, mended."""

    async def claimed(self, kit: StoreKit, job: Job | None = None) -> Job:
        """A job whose first task runs (its scheduler died before it made the next)."""
        job = job or a_job(every(1))
        await kit.add(submission(job))
        kit.time.now = max(kit.time.now, job.cursor.at)
        await kit.claim(first_task(job))
        return job

    async def is_mended(self, kit: StoreKit, job: Job) -> bool:
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        return await instants(kit, job) == seconds(1, 2) and stored.cursor.at == at(2)

    async def test_a_task_that_waits_needs_no_mending(self, kit: StoreKit) -> None:
        """The scheduler will see it, and makes its successor then."""
        job = a_job(every(1))
        await kit.add(submission(job))
        assert mended(kit, at(9), at(1)) == 0
        assert await instants(kit, job) == seconds(1)

    async def test_cut_after_the_claim(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert mended(kit, at(9), at(1)) == 1
        assert await self.is_mended(kit, job)

    @pytest.mark.parametrize("move", [succeed(), bury(), cancel()], ids=lambda move: move.move)
    async def test_cut_after_the_end(self, kit: StoreKit, move: Transition) -> None:
        job = a_job(every(1))
        await kit.add(submission(job))
        kit.time.advance(1)
        await kit.commit(await kit.claim(first_task(job)), move)
        assert mended(kit, at(9), at(1)) == 1
        assert await self.is_mended(kit, job)

    async def test_cut_between_the_insert_and_the_advance(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job, following(job)))
        kit.time.advance(1)
        await kit.claim(first_task(job))
        assert mended(kit, at(9), at(1)) == 1
        assert await self.is_mended(kit, job)

    async def test_cut_between_the_insert_and_the_advance_and_extended_again(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job, following(job)))
        kit.agenda.extend([due(first_task(job))], at(1), at(1))
        assert await self.is_mended(kit, job)

    async def test_cut_after_the_insert_and_the_claim_of_what_was_inserted(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job, following(job)))
        kit.time.advance(2)
        await kit.claim(first_task(job))
        running = await kit.claim(following(job))
        assert mended(kit, at(9), at(1)) == 1
        assert await self.is_mended(kit, job)
        assert mended(kit, at(9), at(2)) == 1
        assert await instants(kit, job) == seconds(1, 2, 3)
        assert not await kit.commit(running, succeed())

    async def test_mending_makes_up_for_the_whole_outage(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        kit.agenda.stalled(at(9), at(4.5), 10)
        assert await instants(kit, job) == seconds(1, 2, 3, 4, 5)

    async def test_mended_is_mended(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert mended(kit, at(9), at(1)) == 1
        assert mended(kit, at(9), at(1)) == 0
        assert await self.is_mended(kit, job)

    async def test_many_menders_at_once(self, kit: StoreKit) -> None:
        jobs = [await self.claimed(kit) for _ in range(5)]
        await asyncio.gather(*(asyncio.to_thread(kit.agenda.stalled, at(9), at(1), 10) for _ in range(6)))
        assert all([await self.is_mended(kit, job) for job in jobs])

    async def test_only_jobs_that_were_due_before(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert mended(kit, at(1), at(1)) == 0
        assert await instants(kit, job) == seconds(1)

    async def test_jobs_that_have_nothing_to_follow_are_left(self, kit: StoreKit) -> None:
        last, once, cancelled = [
            await self.claimed(kit, job)
            for job in (a_job(every(1, max_runs=1)), a_job(Once(at=NOW)), a_job(every(1)))
        ]
        await kit.jobs.cancel(cancelled.id, NOW)
        assert mended(kit, at(9), at(1)) == 0
        assert [len(await kit.tasks_of(job.id)) for job in (last, once, cancelled)] == [1, 1, 1]

    async def test_the_longest_cut_are_mended_first(self, kit: StoreKit) -> None:
        jobs = [await self.claimed(kit, a_job(every(1 + number))) for number in range(4)]
        assert mended(kit, at(9), NOW, limit=2) == 2
        assert [len(await kit.tasks_of(job.id)) for job in jobs] == [2, 2, 1, 1]

    async def test_a_step_that_waits_to_be_seen_needs_no_mending(self, kit: StoreKit) -> None:
        job = a_job(every(1), steps=[step("a", "b"), step("b"), step("c")])
        await kit.add(submission(job))
        kit.time.advance(1)
        await kit.claim(tasks_of(job)[1])
        assert mended(kit, at(9), at(1)) == 0
        await kit.claim(tasks_of(job)[2])
        assert mended(kit, at(9), at(1)) == 1
        assert {task.instant for task in await kit.tasks_of(job.id)} == set(seconds(1, 2))

    async def test_a_held_task_is_not_seen(self, kit: StoreKit) -> None:
        """Its occurrence waits for the slot of the job; the chain goes on."""
        job = a_job(every(1), overlap=Overlap.QUEUE)
        cursor = job.next_cursor(job.cursor.at, job.cursor.count)
        assert cursor is not None
        ahead = job.model_copy(update={"cursor": cursor})
        await kit.add(Submission(ahead, (*tasks_of(job), *tasks_of(ahead))))
        assert kit.admissions.admit([hint_of(first_task(job)), hint_of(first_task(ahead))], NOW).waiting
        assert mended(kit, at(9), at(2)) == 1

    async def test_a_job_that_catches_up_is_continued_and_reported_so(self, kit: StoreKit) -> None:
        job = a_job(every(10), misfire=Misfire(at_once=2))
        await kit.add(submission(job))
        kit.time.advance(10)
        await kit.claim(first_task(job))
        done = kit.agenda.stalled(at(900), at(1000), 10)
        assert (done.moved, done.unfinished) == ({job.id}, {job.id})
        assert await instants(kit, job) == seconds(10, 20)

    async def test_with_jitter_a_task_that_waits_is_not_enough(self, kit: StoreKit) -> None:
        """What follows it may be due before it."""
        jobs = [a_job(Cron(expression="* * * * *", jitter=timedelta(hours=2))) for _ in range(5)]
        await kit.add(*map(submission, jobs))
        assert mended(kit, at(70), at(75)) > 0
        for job in jobs:
            tasks = await kit.tasks_of(job.id)
            following = max(task.instant for task in tasks) + timedelta(minutes=1)
            assert any(at(75) < task.due_at <= following for task in tasks)
        assert mended(kit, at(70), at(75)) == 0
