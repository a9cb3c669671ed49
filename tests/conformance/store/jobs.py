"""What every `JobRepository` must do with single jobs."""

import asyncio
from datetime import datetime

import orjson
import pytest

from karya.core.errors import Conflict, KaryaError
from karya.core.hint import hint_of
from karya.core.job import JobState
from karya.core.queries import JobQuery
from karya.core.schedule import Once
from karya.core.task import TaskState
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import (
    NOW,
    ON_CANCELLED,
    ON_COMPLETION,
    ON_FAILURE,
    SECOND,
    a_job,
    another_task,
    at,
    every,
    first_task,
    submission,
)


class JobsConformance:
    """Storing and cancelling jobs."""

    @pytest.mark.parametrize(
        "schedule", [Once(at=at(5)), Once(after=SECOND), every(0.25, max_runs=3), every(60, end_at=at(3600))]
    )
    async def test_a_job_and_its_task_come_back_equal(self, kit: StoreKit, schedule: Once) -> None:
        job = a_job(schedule, ON_FAILURE, ON_COMPLETION, user_id="u", description="d", pool="gpu")
        await kit.add(submission(job))
        assert await kit.jobs.get(job.id) == job
        assert await kit.tasks_of(job.id) == (first_task(job),)

    async def test_a_job_that_is_not_there(self, kit: StoreKit) -> None:
        assert await kit.jobs.get("no such job") is None
        assert await kit.tasks.get("no such task") is None

    async def test_many_are_stored_together(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(50)]
        await kit.add(*map(submission, jobs))
        assert [await kit.jobs.get(job.id) for job in jobs] == jobs
        assert len(kit.agenda.due(NOW, None, 100)) == 50

    @pytest.mark.parametrize("position", [0, 1, 2])
    async def test_a_chunk_with_a_foreign_id_leaves_nothing(self, kit: StoreKit, position: int) -> None:
        taken, *jobs = [a_job() for _ in range(3)]
        await kit.add(submission(taken))
        jobs.insert(position, a_job(created_at=at(1)).model_copy(update={"id": taken.id}))
        with pytest.raises(Conflict):
            await kit.add(*map(submission, jobs))
        assert await kit.jobs.get(taken.id) == taken
        assert len((await kit.jobs.list(JobQuery(), cursor=None, limit=10)).items) == 1
        assert len(kit.agenda.due(at(10), None, 10)) == 1

    async def test_a_task_that_cannot_be_stored_leaves_nothing_of_its_chunk(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(3)]
        await kit.add(submission(a_job(), first_task(jobs[1])))
        with pytest.raises(KaryaError):
            await kit.add(*map(submission, jobs))
        assert not any([await kit.jobs.get(job.id) for job in jobs])

    async def test_storing_the_same_again_changes_nothing(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(3)]
        await kit.add(*map(submission, jobs))
        await kit.claim(first_task(jobs[0]))
        await kit.jobs.cancel(jobs[1].id, NOW)
        before = [(await kit.jobs.get(job.id), await kit.tasks_of(job.id)) for job in jobs]
        await kit.add(*map(submission, jobs))
        assert [(await kit.jobs.get(job.id), await kit.tasks_of(job.id)) for job in jobs] == before

    async def test_an_id_does_not_stand_for_another_job(self, kit: StoreKit) -> None:
        job = a_job()
        other = job.model_copy(update={"description": "another"})
        await kit.add(submission(job))
        with pytest.raises(Conflict, match=f"{job.id} is the key of another job"):
            await kit.add(submission(other))
        assert await kit.jobs.get(job.id) == job

    async def test_a_chunk_of_old_and_new_stores_the_new(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(4)]
        await kit.add(submission(jobs[1]))
        await kit.add(*map(submission, jobs))
        assert [await kit.jobs.get(job.id) for job in jobs] == jobs

    async def test_the_same_chunk_from_many_sides_at_once_is_stored_once(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(10)]
        await asyncio.gather(*(kit.add(*map(submission, jobs)) for _ in range(5)))
        assert [await kit.jobs.get(job.id) for job in jobs] == jobs
        assert len(kit.agenda.due(NOW, None, 100)) == 10

    async def test_cancel_ends_an_active_job(self, kit: StoreKit) -> None:
        job, other = a_job(), a_job()
        await kit.add(submission(job), submission(other))
        cancelled = await kit.jobs.cancel(job.id, at(1))
        assert cancelled == job.model_copy(
            update={"status": JobState.CANCELLED, "updated_at": at(1), "finished_at": at(1)}
        )
        assert await kit.jobs.get(job.id) == cancelled
        assert await kit.jobs.get(other.id) == other

    async def test_an_id_of_another_owner_is_refused(self, kit: StoreKit) -> None:
        job = a_job(user_id="ann")
        await kit.add(submission(job))
        with pytest.raises(Conflict):
            await kit.add(submission(job.model_copy(update={"user_id": "bob"})))

    async def test_cancel_ends_a_paused_job_with_its_slot(self, kit: StoreKit) -> None:
        job = a_job(overlap="queue")
        slotted = job.model_copy(update={"slot": "at:x", "queued": "at:y"})
        await kit.add(submission(slotted))
        await kit.lifecycle.pause(job.id, at(1))
        cancelled = await kit.jobs.cancel(job.id, at(2))
        assert cancelled is not None
        assert (cancelled.status, cancelled.slot, cancelled.queued) == (JobState.CANCELLED, None, None)
        assert await kit.jobs.get(job.id) == cancelled

    async def test_cancel_fires_its_hooks_exactly_once(self, kit: StoreKit) -> None:
        job = a_job(None, ON_CANCELLED, ON_COMPLETION, ON_CANCELLED)
        await kit.add(submission(job))
        answers = await asyncio.gather(*(kit.jobs.cancel(job.id, at(number)) for number in range(5)))
        assert len({answer.finished_at for answer in answers if answer}) == 1
        hooks = await kit.hooks_of(job.id)
        assert [(hook.step, hook.due_at) for hook in hooks] == [
            ("ON_CANCELLED", answers[0] and answers[0].finished_at)
        ] * 2
        event = orjson.loads(hooks[0].event or "")
        assert (event["type"], event["data"]["outcome"]) == ("karya.job.cancelled", "cancelled")
        assert [change.kind for change in (await kit.history_of(job.id)).changes] == ["cancelled"]

    async def test_cancel_leaves_a_cancelled_job_as_it_is(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        assert await kit.jobs.cancel(job.id, at(1)) == await kit.jobs.cancel(job.id, at(2))

    async def test_cancel_refuses_a_completed_job(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.jobs.complete_solo([job.id], at(1))
        before = await kit.jobs.get(job.id)
        with pytest.raises(Conflict):
            await kit.jobs.cancel(job.id, at(2))
        assert await kit.jobs.get(job.id) == before

    async def test_cancel_of_nothing(self, kit: StoreKit) -> None:
        assert await kit.jobs.cancel("no such job", NOW) is None

    @pytest.mark.parametrize("limit", [1, 3, 100])
    async def test_half_cancelled_is_paged_without_gap_or_overlap(self, kit: StoreKit, limit: int) -> None:
        jobs = [a_job() for _ in range(8)]
        await kit.add(*map(submission, jobs))
        began = [(at(number // 3), job.id) for number, job in enumerate(jobs)]
        for instant, ident in began:
            await kit.jobs.cancel(ident, instant)
        await kit.jobs.cancelled_wholly([jobs[4].id])
        seen: list[tuple[datetime, str]] = []
        while page := await kit.jobs.half_cancelled(at(2), seen[-1] if seen else None, limit):
            assert len(page) <= limit
            seen += page
        assert seen == sorted(began[:4] + began[5:6]), "those of the last instant did not begin before it"

    async def test_of_cancel_and_completion_at_once_one_wins(self, kit: StoreKit) -> None:
        for _ in range(10):
            job = a_job()
            await kit.add(submission(job))
            answer, _ = await asyncio.gather(
                kit.jobs.cancel(job.id, at(1)),
                kit.jobs.complete_solo([job.id], at(1)),
                return_exceptions=True,
            )
            stored = await kit.jobs.get(job.id)
            assert stored is not None
            assert stored.status is (
                JobState.COMPLETED if isinstance(answer, Conflict) else JobState.CANCELLED
            )

    async def test_blocked_tasks_are_stored_blocked(self, kit: StoreKit) -> None:
        job = a_job()
        blocked = another_task(job, 1, TaskState.BLOCKED)
        await kit.add(submission(job, blocked))
        kit.time.advance(10)
        assert not await kit.claims.claim([hint_of(blocked)], "w", TTL)
        assert (await kit.task(blocked)).status is TaskState.BLOCKED
