"""What every `Agenda` must show and make."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from karya.core.job import Job
from karya.core.occurrence import opening
from karya.core.ports import DueKey, DueTask, Extension, Submission
from karya.core.schedule import Cron, Once
from karya.core.task import Task, TaskKind, TaskState
from karya.core.user import User
from tests.conformance.store.kit import StoreKit
from tests.support.story import (
    NOW,
    ON_FAILURE,
    ON_RETRY,
    a_job,
    another_task,
    at,
    bury,
    due,
    every,
    first_task,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)


async def instants(kit: StoreKit, job: Job) -> list[datetime]:
    """The instants of a job's tasks, the earliest first."""
    return [task.instant for task in reversed(await kit.tasks_of(job.id))]


def seconds(*numbers: float) -> list[datetime]:
    return [at(number) for number in numbers]


def keys_of(shown: Sequence[DueTask]) -> list[DueKey]:
    return [DueKey(task.hint.task_id, task.hint.token, task.hint.due_at) for task in shown]


class AgendaConformance:
    """What is due, and making what comes after it."""

    async def recurring(self, kit: StoreKit, *schedules: Once) -> list[Job]:
        jobs = [a_job(schedule) for schedule in schedules]
        await kit.add(*map(submission, jobs))
        return jobs

    # --- due ------------------------------------------------------------------------------------------

    async def test_due_shows_the_task_as_a_hint(self, kit: StoreKit) -> None:
        jobs = [a_job(Once(at=at(1))), a_job(every(2, max_runs=9)), a_job(Once(at=at(3)), ON_FAILURE)]
        await kit.add(*map(submission, jobs))
        assert list(kit.agenda.due(at(9), None, 9)) == [due(first_task(job)) for job in jobs]

    async def test_due_shows_the_state_after_a_retry_or_a_hook(self, kit: StoreKit) -> None:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury())
        (hook,) = kit.agenda.due(NOW, None, 9)
        assert hook == due(await kit.task(hook.hint.task_id))
        assert (hook.count, hook.recurring, hook.hint.kind) == (0, False, "hook")

    @pytest.mark.parametrize("state", sorted(set(TaskState) - {TaskState.READY}))
    async def test_only_ready_tasks_are_due(self, kit: StoreKit, state: TaskState) -> None:
        job = a_job(Once(at=at(1)))
        await kit.add(submission(job, another_task(job, -1, state)))
        assert [task.hint.due_at for task in kit.agenda.due(at(9), None, 9)] == [at(1)]
        assert [key.due_at for key in kit.agenda.keys(at(9), None, 9)] == [at(1)]
        both = [first_task(job).id, another_task(job, -1, state).id]
        assert [task.hint.task_id for task in kit.agenda.tasks(both)] == [first_task(job).id]

    async def test_tasks_are_shown_as_due_shows_them_unless_they_are_held(self, kit: StoreKit) -> None:
        jobs = [a_job(Once(at=at(number))) for number in range(3)]
        await kit.add(*map(submission, jobs))
        shown = kit.agenda.due(at(9), None, 9)
        await kit.lifecycle.pause(jobs[1].id, NOW)
        found = {task.hint.job_id: task for task in kit.agenda.tasks([task.hint.task_id for task in shown])}
        assert found == {jobs[number].id: shown[number] for number in (0, 2)}

    # --- shares ---------------------------------------------------------------------------------------

    async def test_shares_name_the_users_and_priorities_of_what_waits(self, kit: StoreKit) -> None:
        jobs = {
            "ann/4": a_job(user_id="ann"),
            "ann/0": a_job(user_id="ann", priority=9),
            "bob/9": a_job(Once(at=at(99)), user_id="bob", priority=0),
            "/0": a_job(priority=9),
            "": a_job(),
            "gpu/4": a_job(user_id="gpu", pool="gpu"),
            "held/4": a_job(user_id="held"),
        }
        await kit.add(*map(submission, jobs.values()))
        await kit.lifecycle.pause(jobs["held/4"].id, NOW)
        shares = ["/0", "ann/0", "ann/4", "bob/9"]
        for limit in (1, 2, 3, 4, 9):
            assert kit.agenda.shares("", limit) == shares[:limit]
        assert kit.agenda.shares("ann/0", 9) == ["ann/4", "bob/9"]
        assert kit.agenda.shares("bob/9", 9) == []
        assert kit.agenda.shares("", 9, "gpu") == ["gpu/4"]
        await kit.claim(first_task(jobs["ann/0"]))
        assert kit.agenda.shares("", 9) == ["/0", "ann/4", "bob/9"]

    async def test_of_a_share_the_first_that_are_due_are_shown(self, kit: StoreKit) -> None:
        mine = [a_job(Once(at=at(number)), user_id="ann") for number in range(6)]
        others = [a_job(user_id="bob"), a_job(user_id="ann", priority=6), a_job(user_id="ann", pool="gpu")]
        await kit.add(*map(submission, [*mine, *others]))
        shown = kit.agenda.keys_of("ann/4", at(4), 3)
        assert shown == keys_of([due(first_task(job)) for job in mine[:3]])
        assert len(kit.agenda.keys_of("ann/4", at(4), 9)) == 5

    async def test_a_task_that_is_tried_again_keeps_its_share(self, kit: StoreKit) -> None:
        job = a_job(user_id="ann", priority=7)
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), retry(due_at=at(5)))
        (key,) = kit.agenda.keys_of("ann/2", at(9), 9)
        (task,) = kit.agenda.tasks([key.task_id])
        assert (task.hint.user_id, task.hint.priority, key.due_at) == ("ann", 7, at(5))

    async def test_weights_are_those_that_are_not_1(self, kit: StoreKit) -> None:
        for name, weight in (("ann", 1), ("bob", 7)):
            await kit.users.add(User(id=name, name=name, weight=weight, created_at=NOW))
        assert kit.agenda.weights() == {"bob": 7}

    # --- due, by pages --------------------------------------------------------------------------------

    async def test_due_ends_with_the_instant_that_was_asked_for(self, kit: StoreKit) -> None:
        jobs = await self.recurring(kit, *(Once(at=at(number)) for number in (0, 4.999, 5, 5.001, 9)))
        assert [task.hint.job_id for task in kit.agenda.due(at(5), None, 9)] == [job.id for job in jobs[:3]]

    @pytest.mark.parametrize("limit", [1, 4, 5, 7, 100])
    async def test_due_is_paged_without_gap_or_overlap(self, kit: StoreKit, limit: int) -> None:
        """Also in the middle of tasks that are due at the same instant."""
        jobs = await self.recurring(kit, *(Once(at=at(number // 5)) for number in range(18)))
        seen: list[tuple[datetime, str]] = []
        while page := kit.agenda.due(at(3), seen[-1] if seen else None, limit):
            assert len(page) <= limit
            assert kit.agenda.keys(at(3), seen[-1] if seen else None, limit) == keys_of(page)
            seen += [(task.hint.due_at, task.hint.task_id) for task in page]
        assert seen == sorted((job.cursor.at, first_task(job).id) for job in jobs)

    async def test_due_is_asked_pool_by_pool(self, kit: StoreKit) -> None:
        """Whoever asks for one sees nothing of the others, from whatever place on."""
        jobs = [a_job(Once(at=at(n // 2)), pool=("gpu", "default", "large")[n % 3]) for n in range(12)]
        mixed = a_job(Once(at=at(6)), steps=[step("a"), step("b", pool="gpu"), step("c", pool="large")])
        await kit.add(*map(submission, (*jobs, mixed)))
        tasks = [task for job in (*jobs, mixed) for task in tasks_of(job)]
        for pool in ("default", "gpu", "large", "empty"):
            mine = sorted((task.due_at, task.id) for task in tasks if task.pool == pool)
            assert [(d.hint.due_at, d.hint.task_id) for d in kit.agenda.due(at(9), None, 99, pool)] == mine
            later = kit.agenda.due(at(9), (at(3), ""), 99, pool)
            assert kit.agenda.keys(at(9), (at(3), ""), 99, pool) == keys_of(later)
            assert [d.hint.task_id for d in later] == [ident for due_at, ident in mine if due_at >= at(3)]
            assert all(d.hint.pool == pool for d in later)
        assert list(kit.agenda.due(at(9), None, 99)) == list(kit.agenda.due(at(9), None, 99, "default"))

    async def test_a_retry_stays_in_its_pool_and_a_hook_is_in_the_default_one(self, kit: StoreKit) -> None:
        job = a_job(None, ON_RETRY, pool="gpu")
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), retry(due_at=at(1)))
        assert [d.hint.kind for d in kit.agenda.due(at(9), None, 9, "gpu")] == [TaskKind.STEP]
        assert [d.hint.kind for d in kit.agenda.due(at(9), None, 9)] == [TaskKind.HOOK]

    # --- extend ---------------------------------------------------------------------------------------

    async def test_extend_makes_up_to_the_first_beyond(self, kit: StoreKit) -> None:
        (job,) = await self.recurring(kit, every(1))
        made = kit.agenda.extend([due(first_task(job))], at(4), NOW).made
        assert [task.hint.instant for task in made] == seconds(2, 3, 4)
        assert [task.count for task in made] == [2, 3, 4]
        assert await instants(kit, job) == seconds(1, 2, 3, 4, 5)
        assert list(kit.agenda.due(at(4), None, 9))[1:] == list(made)
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        assert (stored.cursor.at, stored.cursor.count, stored.cursor.exhausted) == (at(5), 5, False)

    async def test_extend_again_makes_nothing(self, kit: StoreKit) -> None:
        (job,) = await self.recurring(kit, every(1))
        made = kit.agenda.extend([due(first_task(job))], at(4), NOW).made
        before = await kit.jobs.get(job.id), await kit.tasks_of(job.id)
        assert kit.agenda.extend([due(first_task(job)), *made], at(4), NOW) == Extension()
        assert (await kit.jobs.get(job.id), await kit.tasks_of(job.id)) == before

    async def test_extend_goes_on_from_the_newest(self, kit: StoreKit) -> None:
        (job,) = await self.recurring(kit, every(1))
        for second in range(1, 7):
            kit.agenda.extend(kit.agenda.due(at(second), None, 9)[-1:], at(second), NOW)
        assert await instants(kit, job) == seconds(*range(1, 8))

    async def test_extend_many_at_once_make_each_instant_once(self, kit: StoreKit) -> None:
        jobs = await self.recurring(kit, *(every(1) for _ in range(5)))
        tasks = [due(first_task(job)) for job in jobs]
        work = [asyncio.to_thread(kit.agenda.extend, tasks, at(3 + number), NOW) for number in range(8)]
        await asyncio.gather(*work)
        for job in jobs:
            stored = await kit.jobs.get(job.id)
            made = await instants(kit, job)
            assert stored is not None
            assert made == seconds(*range(1, len(made) + 1))
            assert (stored.cursor.at, stored.cursor.count) == (made[-1], len(made))

    @pytest.mark.parametrize(
        "schedule, expected",
        [
            (every(1, max_runs=3), seconds(1, 2, 3)),
            (every(1, end_at=at(3)), seconds(1, 2)),
            (every(1, end_at=at(3.001)), seconds(1, 2, 3)),
        ],
    )
    async def test_extend_ends_with_the_schedule(
        self, kit: StoreKit, schedule: Once, expected: list[datetime]
    ) -> None:
        (job,) = await self.recurring(kit, schedule)
        kit.agenda.extend([due(first_task(job))], at(60), NOW)
        stored = await kit.jobs.get(job.id)
        assert await instants(kit, job) == expected
        assert stored is not None
        assert stored.cursor.exhausted
        assert [task.recurring for task in kit.agenda.due(at(60), None, 9)][-1] is False

    async def test_extend_makes_a_hundred_of_a_job_at_once(self, kit: StoreKit) -> None:
        """A job that is far behind neither fills the memory nor is lost sight of."""
        (job,) = await self.recurring(kit, every(1))
        first = kit.agenda.extend([due(first_task(job))], at(100_000), NOW)
        assert (len(first.made), first.unfinished) == (100, {job.id})
        for more in (
            kit.agenda.extend(first.made, at(100_000), NOW),
            kit.agenda.catch_up([job.id], at(250), NOW),
        ):
            assert more.made
        assert await instants(kit, job) == seconds(*range(1, 252))

    async def test_extend_serves_several_jobs(self, kit: StoreKit) -> None:
        one, two, done = await self.recurring(kit, every(1), every(2), every(1, max_runs=1))
        kit.agenda.extend([due(first_task(job)) for job in (one, two, done)], at(4), NOW)
        assert await instants(kit, one) == seconds(1, 2, 3, 4, 5)
        assert await instants(kit, two) == seconds(2, 4, 6)
        assert await instants(kit, done) == seconds(1)

    async def test_extend_leaves_ended_and_unknown_jobs(self, kit: StoreKit) -> None:
        (job,) = await self.recurring(kit, every(1))
        await kit.jobs.cancel(job.id, NOW)
        unknown = a_job(every(1))
        tasks = [due(first_task(job)), due(first_task(unknown))]
        assert kit.agenda.extend(tasks, at(9), NOW) == Extension()
        assert await instants(kit, job) == seconds(1)
        assert kit.agenda.extend([], at(9), NOW) == Extension()

    async def test_extend_and_cancel_at_once_leave_nothing_ready(self, kit: StoreKit) -> None:
        for job in await self.recurring(kit, *(every(1) for _ in range(15))):

            async def cancel(job: Job = job) -> None:
                await kit.jobs.cancel(job.id, NOW)
                await kit.tasks.cancel_of_job(job.id, NOW)

            extend = asyncio.to_thread(kit.agenda.extend, [due(first_task(job))], at(9), NOW)
            await asyncio.gather(extend, cancel())
            states = {task.status for task in await kit.tasks_of(job.id)}
            assert states == {TaskState.CANCELLED}

    async def test_extend_makes_all_steps_of_each_occurrence(self, kit: StoreKit) -> None:
        """Those that can start are shown; any of them that is seen makes what follows, once."""
        job = a_job(every(1), steps=[step("a"), step("b"), step("c", "a", "b")])
        await kit.add(submission(job))
        made = kit.agenda.extend([due(task) for task in tasks_of(job)[:2]], at(2), NOW).made
        assert sorted(task.hint.instant for task in made) == seconds(2, 2)
        stored = [(task.count, task.step, task.status) for task in await kit.tasks_of(job.id)]
        ready, blocked = TaskState.READY, TaskState.BLOCKED
        steps = [("a", ready), ("b", ready), ("c", blocked)]
        assert sorted(stored) == [(count, *each) for count in (1, 2, 3) for each in steps]

    async def test_extend_with_jitter_makes_nothing_too_late(self, kit: StoreKit) -> None:
        """A later instant may be due earlier: whenever a look sees a task, all that is due inside the
        look-ahead of the next one is there."""
        job = a_job(Cron(expression="* * * * *", jitter=timedelta(hours=2)))
        await kit.add(Submission(*opening(job)))
        now, seen, late = NOW, set[str](), []
        minute, ahead = timedelta(minutes=1), timedelta(minutes=3)
        while now < NOW + timedelta(hours=5):
            shown = [
                task for task in kit.agenda.due(now + ahead, None, 1000) if task.hint.task_id not in seen
            ]
            while shown:
                seen |= {task.hint.task_id for task in shown}
                late += [task for task in shown if task.hint.due_at < now]
                shown = list(kit.agenda.extend(shown, now + ahead, now).made)
            now += minute
        tasks = await kit.tasks_of(job.id)
        assert len(seen) > 150
        assert late == []
        assert sorted(task.instant for task in tasks) == [NOW + n * minute for n in range(1, len(tasks) + 1)]
        assert all(timedelta(0) <= task.due_at - task.instant < timedelta(hours=2) for task in tasks)

    async def test_every_made_task_runs_to_its_end(self, kit: StoreKit) -> None:
        (job,) = await self.recurring(kit, every(1, max_runs=4))
        kit.agenda.extend([due(first_task(job))], at(9), NOW)
        kit.time.advance(9)
        for task in await kit.tasks_of(job.id):
            await kit.commit(await kit.claim(task), succeed())
        await kit.jobs.settle([job.id], at(9))
        assert not kit.agenda.due(at(99), None, 9)
        assert (await kit.tasks.counts(job.id, 10)).of == {TaskState.SUCCEEDED: 4}

    def test_nothing_is_due(self, kit: StoreKit) -> None:
        assert not kit.agenda.due(NOW, None, 9)


def following(job: Job) -> Task:
    """The task behind the job's first one."""
    cursor = job.next_cursor(job.cursor.at, job.cursor.count)
    assert cursor is not None
    return first_task(job.model_copy(update={"cursor": cursor}))
