"""What every `JobRepository` must do when jobs end."""

import asyncio
from datetime import datetime

import pytest

from karya.core.action import Action
from karya.core.errors import Conflict
from karya.core.hook import HookSpec
from karya.core.ids import new_id
from karya.core.job import Job, JobState
from karya.core.schedule import Once
from karya.core.task import Task, TaskKind, TaskState
from tests.conformance.store.kit import StoreKit
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_FAILURE,
    a_job,
    another_task,
    at,
    bury,
    every,
    first_task,
    submission,
    succeed,
)


class SettlingConformance:
    """The end of a job."""

    async def status(self, kit: StoreKit, job: Job) -> JobState:
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        return stored.status

    async def hooks(self, kit: StoreKit, job: Job) -> list[Task]:
        return [task for task in await kit.tasks_of(job.id) if task.kind is TaskKind.HOOK]

    async def ended(self, kit: StoreKit, job: Job) -> Job:
        """Stores the job and ends its first task."""
        await kit.add(submission(job))
        kit.time.now = max(kit.time.now, job.cursor.at)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        return job

    async def test_complete_solo_ends_the_active_ones(self, kit: StoreKit) -> None:
        active, cancelled, _ = jobs = [a_job() for _ in range(3)]
        await kit.add(*map(submission, jobs))
        await kit.jobs.cancel(cancelled.id, NOW)
        await kit.jobs.complete_solo([active.id, cancelled.id, "no such job"], at(1))
        assert [await self.status(kit, job) for job in jobs] == [
            JobState.COMPLETED,
            JobState.CANCELLED,
            JobState.ACTIVE,
        ]
        stored = await kit.jobs.get(active.id)
        assert stored is not None
        assert stored.finished_at == stored.updated_at == at(1)

    async def test_settle_completes_what_has_ended(self, kit: StoreKit) -> None:
        job = await self.ended(kit, a_job(every(1, max_runs=1)))
        await kit.jobs.settle([job.id, job.id, "no such job"], at(2))
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        assert (stored.status, stored.finished_at) == (JobState.COMPLETED, at(2))

    async def test_settle_fires_the_completion_hooks_once(self, kit: StoreKit) -> None:
        job = await self.ended(kit, a_job(None, ON_COMPLETION, ON_FAILURE, ON_COMPLETION))
        for _ in range(2):
            await kit.jobs.settle([job.id], at(1))
            hooks = await self.hooks(kit, job)
            assert [(hook.step, hook.status, hook.due_at) for hook in hooks] == [
                ("ON_COMPLETION", TaskState.READY, at(1))
            ] * 2
        assert await self.status(kit, job) is JobState.COMPLETED

    async def test_many_settlers_at_once_fire_once(self, kit: StoreKit) -> None:
        jobs = [await self.ended(kit, a_job(None, ON_COMPLETION)) for _ in range(5)]
        ids = [job.id for job in jobs]
        await asyncio.gather(*(kit.jobs.settle(ids, at(n)) for n in range(2)))
        assert [len(await self.hooks(kit, job)) for job in jobs] == [1] * 5

    async def test_cancel_and_settle_at_once_never_fire_for_a_cancelled_job(self, kit: StoreKit) -> None:
        for _ in range(5):
            job = await self.ended(kit, a_job(None, ON_COMPLETION))
            await asyncio.gather(
                kit.jobs.settle([job.id], at(1)), kit.jobs.cancel(job.id, at(1)), return_exceptions=True
            )
            completed = await self.status(kit, job) is JobState.COMPLETED
            assert bool(await self.hooks(kit, job)) is completed

    @pytest.mark.parametrize("state", [TaskState.BLOCKED, TaskState.READY, TaskState.RUNNING])
    async def test_a_job_with_an_open_step_goes_on(self, kit: StoreKit, state: TaskState) -> None:
        job = a_job(None, ON_COMPLETION)
        await kit.add(submission(job, another_task(job, 1, state)))
        await kit.commit(await kit.claim(first_task(job)), succeed())
        await kit.jobs.settle([job.id], at(1))
        assert await self.status(kit, job) is JobState.ACTIVE
        assert not await self.hooks(kit, job)

    async def test_an_open_hook_keeps_no_job(self, kit: StoreKit) -> None:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury())
        await kit.jobs.settle([job.id], at(1))
        assert await self.status(kit, job) is JobState.COMPLETED

    async def test_a_job_with_a_further_occurrence_goes_on(self, kit: StoreKit) -> None:
        job = await self.ended(kit, a_job(every(1, max_runs=2)))
        await kit.jobs.settle([job.id], at(1))
        assert await self.status(kit, job) is JobState.ACTIVE

    async def test_a_cancelled_job_stays_cancelled(self, kit: StoreKit) -> None:
        job = await self.ended(kit, a_job(None, ON_COMPLETION))
        await kit.jobs.cancel(job.id, NOW)
        await kit.jobs.settle([job.id], at(1))
        assert await self.status(kit, job) is JobState.CANCELLED
        assert not await self.hooks(kit, job)

    async def test_a_solo_job_that_was_triggered_is_settled(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        (triggered,) = await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        await kit.jobs.complete_solo([job.id], at(1))
        assert await self.status(kit, job) is JobState.ACTIVE
        await kit.commit(await kit.claim(triggered), succeed())
        await kit.jobs.complete_solo([job.id], at(2))
        assert await self.status(kit, job) is JobState.COMPLETED

    @pytest.mark.parametrize("hooks", [(), (ON_COMPLETION,)])
    async def test_what_is_triggered_while_a_job_ends_is_never_forgotten(
        self, kit: StoreKit, hooks: tuple[HookSpec[Action], ...]
    ) -> None:
        for number in range(10):
            job = await self.ended(kit, a_job(None, *hooks))
            complete = kit.jobs.settle if hooks or number % 2 else kit.jobs.complete_solo
            answer, _ = await asyncio.gather(
                kit.lifecycle.trigger(job.id, new_id(NOW), at(number)),
                complete([job.id], at(number)),
                return_exceptions=True,
            )
            refused = isinstance(answer, Conflict)
            assert await self.status(kit, job) is (JobState.COMPLETED if refused else JobState.ACTIVE)
            assert len(await kit.hooks_of(job.id)) == len(hooks) * refused

    async def test_a_paused_job_is_not_completed(self, kit: StoreKit) -> None:
        job = await self.ended(kit, a_job())
        await kit.lifecycle.pause(job.id, NOW)
        await kit.jobs.complete_solo([job.id], NOW)
        await kit.jobs.settle([job.id], NOW)
        assert await self.status(kit, job) is JobState.PAUSED

    async def test_nothing_to_settle(self, kit: StoreKit) -> None:
        await kit.jobs.settle([], NOW)
        await kit.jobs.complete_solo([], NOW)

    async def test_unsettled_shows_active_jobs_without_a_further_occurrence(self, kit: StoreKit) -> None:
        late, completed, cancelled, _recurring, _later = jobs = [
            a_job(Once(at=at(1))),
            a_job(Once(at=at(1))),
            a_job(Once(at=at(1))),
            a_job(every(1)),
            a_job(Once(at=at(10))),
        ]
        await kit.add(*map(submission, jobs))
        await kit.jobs.complete_solo([completed.id], NOW)
        await kit.jobs.cancel(cancelled.id, NOW)
        assert list(await kit.jobs.unsettled(at(10), None, 10)) == [(at(1), late.id)]

    @pytest.mark.parametrize("limit", [1, 3, 7, 100])
    async def test_unsettled_is_paged_without_gap_or_overlap(self, kit: StoreKit, limit: int) -> None:
        jobs = [a_job(Once(at=at(number // 5))) for number in range(14)]
        await kit.add(*map(submission, jobs))
        seen: list[tuple[datetime, str]] = []
        while page := await kit.jobs.unsettled(at(60), seen[-1] if seen else None, limit):
            assert len(page) <= limit
            seen += page
        assert seen == sorted((job.cursor.at, job.id) for job in jobs)
