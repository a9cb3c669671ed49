"""What every `Agenda` must do with chains that a crash cut."""

import asyncio

import pytest

from karya.core.job import Job
from karya.core.schedule import Once
from karya.core.transitions import Transition
from tests.conformance.store.agenda import following, instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, a_job, at, bury, cancel, due, every, first_task, submission, succeed


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
        assert kit.agenda.stalled(at(9), at(1), 10) == 0
        assert await instants(kit, job) == seconds(1)

    async def test_cut_after_the_claim(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert kit.agenda.stalled(at(9), at(1), 10) == 1
        assert await self.is_mended(kit, job)

    @pytest.mark.parametrize("move", [succeed(), bury(), cancel()], ids=lambda move: move.move)
    async def test_cut_after_the_end(self, kit: StoreKit, move: Transition) -> None:
        job = a_job(every(1))
        await kit.add(submission(job))
        kit.time.advance(1)
        await kit.commit(await kit.claim(first_task(job)), move)
        assert kit.agenda.stalled(at(9), at(1), 10) == 1
        assert await self.is_mended(kit, job)

    async def test_cut_between_the_insert_and_the_advance(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job, following(job)))
        kit.time.advance(1)
        await kit.claim(first_task(job))
        assert kit.agenda.stalled(at(9), at(1), 10) == 1
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
        assert kit.agenda.stalled(at(9), at(1), 10) == 1
        assert await self.is_mended(kit, job)
        assert kit.agenda.stalled(at(9), at(2), 10) == 1
        assert await instants(kit, job) == seconds(1, 2, 3)
        assert not await kit.commit(running, succeed())

    async def test_mending_makes_up_for_the_whole_outage(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        kit.agenda.stalled(at(9), at(4.5), 10)
        assert await instants(kit, job) == seconds(1, 2, 3, 4, 5)

    async def test_mended_is_mended(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert kit.agenda.stalled(at(9), at(1), 10) == 1
        assert kit.agenda.stalled(at(9), at(1), 10) == 0
        assert await self.is_mended(kit, job)

    async def test_many_menders_at_once(self, kit: StoreKit) -> None:
        jobs = [await self.claimed(kit) for _ in range(5)]
        await asyncio.gather(*(asyncio.to_thread(kit.agenda.stalled, at(9), at(1), 10) for _ in range(6)))
        assert all([await self.is_mended(kit, job) for job in jobs])

    async def test_only_jobs_that_were_due_before(self, kit: StoreKit) -> None:
        job = await self.claimed(kit)
        assert kit.agenda.stalled(at(1), at(1), 10) == 0
        assert await instants(kit, job) == seconds(1)

    async def test_jobs_that_have_nothing_to_follow_are_left(self, kit: StoreKit) -> None:
        last, once, cancelled = [
            await self.claimed(kit, job)
            for job in (a_job(every(1, max_runs=1)), a_job(Once(at=NOW)), a_job(every(1)))
        ]
        await kit.jobs.cancel(cancelled.id, NOW)
        assert kit.agenda.stalled(at(9), at(1), 10) == 0
        assert [len(await kit.tasks_of(job.id)) for job in (last, once, cancelled)] == [1, 1, 1]

    async def test_the_longest_cut_are_mended_first(self, kit: StoreKit) -> None:
        jobs = [await self.claimed(kit, a_job(every(1 + number))) for number in range(4)]
        assert kit.agenda.stalled(at(9), NOW, 2) == 2
        assert [len(await kit.tasks_of(job.id)) for job in jobs] == [2, 2, 1, 1]
