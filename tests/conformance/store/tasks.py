"""What every `TaskRepository` must do."""

import asyncio

import pytest

from karya.core.errors import InvalidInput
from karya.core.hint import hint_of
from karya.core.job import Job
from karya.core.ports import StepCounts
from karya.core.task import OPEN_STATES, START_WITHIN, TaskKind, TaskState
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import (
    NOW,
    ON_FAILURE,
    a_job,
    another_task,
    at,
    bury,
    first_task,
    submission,
    succeed,
)

FOREIGN = ["", "x", "!!!!", "AAAA", "é", "\0", "MS8y", '{"$gt":""}']
TERMINAL = sorted(set(TaskState) - OPEN_STATES)


class TasksConformance:
    """Reading and cancelling tasks."""

    async def stored(self, kit: StoreKit, *states: TaskState) -> Job:
        """A job with a READY task and one more in each of these states."""
        job = a_job()
        await kit.add(submission(job, *(another_task(job, n, state) for n, state in enumerate(states, 1))))
        return job

    @pytest.mark.parametrize("limit", [1, 7, 44, 45, 46])
    async def test_tasks_are_paged_the_latest_instant_first(self, kit: StoreKit, limit: int) -> None:
        job, other = a_job(), a_job()
        tasks = [first_task(job), *(another_task(job, number) for number in range(1, 45))]
        await kit.add(submission(job, *tasks[1:]), submission(other))
        seen, cursor = [], None
        while True:
            page = await kit.tasks.of_job(job.id, cursor=cursor, limit=limit)
            seen += page.items
            if (cursor := page.next_cursor) is None:
                break
            assert len(page.items) == limit
        assert seen == tasks[::-1]

    async def test_tasks_of_one_instant_are_paged_too(self, kit: StoreKit) -> None:
        job = a_job(None, *[ON_FAILURE] * 10)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury())
        first = await kit.tasks.of_job(job.id, cursor=None, limit=4)
        rest = await kit.tasks.of_job(job.id, cursor=first.next_cursor, limit=40)
        assert len({task.id for task in (*first.items, *rest.items)}) == 11
        assert len(rest.items) == 7

    async def test_a_job_without_tasks(self, kit: StoreKit) -> None:
        page = await kit.tasks.of_job("no such job", cursor=None, limit=10)
        assert (page.items, page.next_cursor) == ((), None)
        assert await kit.tasks.counts("no such job", 10) == StepCounts({})

    @pytest.mark.parametrize("cursor", FOREIGN, ids=range(len(FOREIGN)))
    async def test_a_cursor_that_no_page_gave_is_refused(self, kit: StoreKit, cursor: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            await kit.tasks.of_job("job", cursor=cursor, limit=10)
        assert [error.field for error in refused.value.errors] == ["cursor"]

    async def test_counts_are_of_the_steps_of_this_job(self, kit: StoreKit) -> None:
        job = a_job(None, ON_FAILURE)
        dead, ready = TaskState.DEAD, TaskState.READY
        await kit.add(submission(job, *(another_task(job, n, s) for n, s in enumerate((dead, ready), 1))))
        await kit.commit(await kit.claim(first_task(job)), bury())
        await self.stored(kit, dead)
        assert await kit.tasks.counts(job.id, 4) == StepCounts({dead: 2, ready: 1})

    async def test_of_many_tasks_those_that_are_open_or_dead_and_the_latest_are_counted(
        self, kit: StoreKit
    ) -> None:
        job = a_job()
        dead, done, ready = TaskState.DEAD, TaskState.SUCCEEDED, TaskState.READY
        states = [dead, dead, ready, *[done] * 6]
        await kit.add(submission(job, *(another_task(job, n, s) for n, s in enumerate(states, 1))))
        assert await kit.tasks.counts(job.id, 10) == StepCounts({dead: 2, ready: 2, done: 6})
        assert await kit.tasks.counts(job.id, 3) == StepCounts({dead: 2, ready: 2, done: 4}, at_least=True)
        assert (await kit.tasks.counts(job.id, 1)).of == {dead: 1, ready: 1, done: 2}

    @pytest.mark.parametrize("state", [TaskState.READY, TaskState.BLOCKED])
    async def test_cancel_ends_what_waits(self, kit: StoreKit, state: TaskState) -> None:
        job = await self.stored(kit, state)
        assert await kit.tasks.cancel_of_job(job.id, at(3)) is None
        for task in await kit.tasks_of(job.id):
            assert (task.status, task.finished_at) == (TaskState.CANCELLED, at(3))
            assert task.reason
            assert not task.cancel_requested
            assert not await kit.claims.claim([hint_of(task)], "w", TTL)

    @pytest.mark.parametrize("state", TERMINAL)
    async def test_cancel_leaves_what_has_ended(self, kit: StoreKit, state: TaskState) -> None:
        job = await self.stored(kit, state)
        (ended,) = [task for task in await kit.tasks_of(job.id) if task.status is state]
        await kit.tasks.cancel_of_job(job.id, at(3))
        assert await kit.task(ended) == ended

    async def test_cancel_flags_what_runs_and_says_until_when_it_may_start(self, kit: StoreKit) -> None:
        job = await self.stored(kit, TaskState.READY, TaskState.READY)
        early, late, _ = reversed(await kit.tasks_of(job.id))
        kit.time.advance(1)
        await kit.claim(late)
        kit.time.advance(4)
        await kit.claim(early)
        before = await kit.task(early)
        assert await kit.tasks.cancel_of_job(job.id, at(6)) == at(5) + START_WITHIN
        assert await kit.task(early) == before.model_copy(update={"cancel_requested": True})
        assert (await kit.task(late)).cancel_requested

    async def test_cancel_again_says_the_same(self, kit: StoreKit) -> None:
        job = await self.stored(kit)
        await kit.claim(first_task(job))
        assert await kit.tasks.cancel_of_job(job.id, NOW) == await kit.tasks.cancel_of_job(job.id, at(9))

    async def test_cancel_leaves_hooks_and_other_jobs(self, kit: StoreKit) -> None:
        job, other = a_job(None, ON_FAILURE), await self.stored(kit)
        await kit.add(submission(job, another_task(job, 1)))
        await kit.commit(await kit.claim(first_task(job)), bury())
        await kit.tasks.cancel_of_job(job.id, NOW)
        states = {task.kind: task.status for task in await kit.tasks_of(job.id) if task.count != 1}
        assert states == {TaskKind.HOOK: TaskState.READY, TaskKind.STEP: TaskState.CANCELLED}
        assert (await kit.task(first_task(other))).status is TaskState.READY

    async def test_a_running_hook_delays_no_cancel(self, kit: StoreKit) -> None:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury())
        (hook,) = [task for task in await kit.tasks_of(job.id) if task.kind is TaskKind.HOOK]
        await kit.claim(hook)
        assert await kit.tasks.cancel_of_job(job.id, NOW) is None
        assert not (await kit.task(hook)).cancel_requested

    async def test_cancel_and_claim_at_once_leave_nothing_unflagged(self, kit: StoreKit) -> None:
        jobs = [await self.stored(kit) for _ in range(20)]
        for job in jobs:
            hint = hint_of(first_task(job))
            start_by, claims = await asyncio.gather(
                kit.tasks.cancel_of_job(job.id, NOW), kit.claims.claim([hint], "w", TTL)
            )
            task = await kit.task(first_task(job))
            assert task.cancel_requested is bool(claims)
            assert task.status is (TaskState.RUNNING if claims else TaskState.CANCELLED)
            assert start_by == task.start_by

    async def test_a_task_that_ended_delays_no_cancel(self, kit: StoreKit) -> None:
        job = await self.stored(kit)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        assert await kit.tasks.cancel_of_job(job.id, NOW) is None
