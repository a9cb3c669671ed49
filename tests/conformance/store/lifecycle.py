"""What every `Lifecycle` must do when jobs are paused, resumed, triggered, and told to skip."""

import asyncio
from collections.abc import Sequence

import pytest

from karya.core.errors import Conflict, NotFound
from karya.core.hint import hint_of
from karya.core.ids import new_id
from karya.core.job import Job, JobState
from karya.core.ports import Submission
from karya.core.schedule import Once
from karya.core.task import START_WITHIN, Task, TaskKind, TaskState
from karya.core.trace import Trace
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_SUCCESS,
    SECOND,
    a_job,
    at,
    due,
    every,
    first_task,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)

READY, RUNNING, SKIPPED = TaskState.READY, TaskState.RUNNING, TaskState.SKIPPED


class Told:
    """What the suites read of a job."""

    async def job(self, kit: StoreKit, job: Job) -> Job:
        stored = await kit.jobs.get(job.id)
        assert stored is not None
        return stored

    async def steps(self, kit: StoreKit, job: Job) -> Sequence[Task]:
        """Its steps, the earliest first."""
        tasks = [task for task in await kit.tasks_of(job.id) if task.kind is TaskKind.STEP]
        return sorted(tasks, key=lambda task: (task.instant, task.step))

    async def states(self, kit: StoreKit, job: Job) -> list[tuple[float, str, bool]]:
        """Instant in seconds after NOW, state, and whether it is held."""
        return [
            ((task.instant - NOW).total_seconds(), task.status.value, task.held)
            for task in await self.steps(kit, job)
        ]

    async def kinds(self, kit: StoreKit, job: Job) -> list[str]:
        """What was done to it, the latest first."""
        return [change.kind.value for change in (await kit.history_of(job.id)).changes]

    async def stored(self, kit: StoreKit, job: Job) -> Job:
        await kit.add(submission(job))
        return job

    async def extended(self, kit: StoreKit, job: Job, until: float) -> None:
        """Lets the scheduler make what follows, up to the first beyond `until`."""
        kit.agenda.extend([due(first_task(job))], at(until), NOW)


class PausingConformance(Told):
    """Pausing and resuming."""

    async def test_a_paused_job_starts_nothing(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(steps=[step("a"), step("b", "a")]))
        paused = await kit.lifecycle.pause(job.id, at(1))
        expected = {"status": JobState.PAUSED, "paused_at": at(1), "updated_at": at(1)}
        assert paused == await self.job(kit, job) == job.model_copy(update=expected)
        assert await kit.tasks.may_start_until(job.id) is None
        assert await self.states(kit, job) == [(0, "READY", True), (0, "BLOCKED", True)]
        assert not kit.agenda.due(at(60), None, 9)
        assert not await kit.claims.claim([hint_of(first_task(job))], "w", TTL)
        assert await self.kinds(kit, job) == ["paused"]

    async def test_what_runs_may_finish_and_its_retries_wait(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(None, ON_SUCCESS, steps=[step("a"), step("b"), step("c", "a")]))
        a, b, c = tasks_of(job)
        claims = [await kit.claim(task) for task in (a, b)]
        await kit.lifecycle.pause(job.id, NOW)
        assert await kit.tasks.may_start_until(job.id) == NOW + START_WITHIN
        await kit.commit(claims[0], succeed())
        await kit.commit(claims[1], retry(due_at=at(2)))
        tasks = [await kit.task(task) for task in (a, b, c)]
        assert [task.status for task in tasks] == [TaskState.SUCCEEDED, READY, READY]
        assert [task.held for task in tasks[1:]] == [True, True]
        assert [hook.held for hook in await kit.hooks_of(job.id)] == [False]
        await kit.lifecycle.resume(job.id, at(1))
        tasks = [await kit.task(task) for task in (b, c)]
        assert [(task.held, task.due_at) for task in tasks] == [(False, at(2)), (False, at(1))]

    async def test_pausing_twice_changes_nothing(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job())
        first = await kit.lifecycle.pause(job.id, at(1))
        assert await kit.lifecycle.pause(job.id, at(2)) == first
        assert await self.kinds(kit, job) == ["paused"]

    @pytest.mark.parametrize("verb", ["pause", "resume", "skip_next"])
    async def test_what_is_not_there_or_has_ended(self, kit: StoreKit, verb: str) -> None:
        with pytest.raises(NotFound):
            await getattr(kit.lifecycle, verb)("x", NOW)
        job = await self.stored(kit, a_job())
        await kit.jobs.cancel(job.id, NOW)
        with pytest.raises(Conflict, match="is cancelled"):
            await getattr(kit.lifecycle, verb)(job.id, NOW)

    async def test_a_chain_is_not_extended_while_paused(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        await kit.lifecycle.pause(job.id, NOW)
        await self.extended(kit, job, 9)
        kit.agenda.stalled(at(60), at(60), 9)
        assert len(await self.steps(kit, job)) == 1

    async def test_resuming_skips_what_passed_and_goes_on(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1, max_runs=100)))
        await self.extended(kit, job, 2.5)
        await kit.lifecycle.pause(job.id, at(1.5))
        resumed = await kit.lifecycle.resume(job.id, at(10.5))
        assert resumed == await self.job(kit, job)
        assert (resumed.status, resumed.paused_at) == (JobState.ACTIVE, None)
        assert (resumed.cursor.at, resumed.cursor.count) == (at(11), 11)
        assert await self.states(kit, job) == [
            (1, "READY", False),  # it was due before the pause
            (2, "SKIPPED", True),
            (3, "SKIPPED", True),
            (11, "READY", False),
        ]
        assert {task.reason for task in await self.steps(kit, job)} == {None, "the job was paused"}
        (skipped,) = (await kit.history_of(job.id)).skipped
        run = skipped.range
        assert (run.first, run.last, run.count, run.reason) == (at(4), at(10), 7, "the job was paused")
        assert await self.kinds(kit, job) == ["resumed", "paused"]
        assert not await kit.hooks_of(job.id)

    async def test_what_the_scheduler_was_late_to_make_before_the_pause_runs(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        await kit.lifecycle.pause(job.id, at(3.5))  # nobody has looked at the job since it was stored
        resumed = await kit.lifecycle.resume(job.id, at(5.5))
        assert (resumed.cursor.at, resumed.cursor.count) == (at(6), 6)
        assert await self.states(kit, job) == [(second, "READY", False) for second in (1, 2, 3, 6)]
        tasks = await self.steps(kit, job)
        assert [task.due_at for task in tasks] == [at(5.5), at(5.5), at(5.5), at(6)]
        (skipped,) = (await kit.history_of(job.id)).skipped
        assert (skipped.range.first, skipped.range.last, skipped.range.count) == (at(4), at(5), 2)

    async def test_resuming_before_the_next_instant_skips_nothing(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(5)))
        await kit.lifecycle.pause(job.id, at(1))
        resumed = await kit.lifecycle.resume(job.id, at(2))
        assert resumed.cursor == job.cursor
        assert await self.states(kit, job) == [(5, "READY", False)]
        assert not (await kit.history_of(job.id)).skipped

    async def test_a_job_that_was_to_run_once_runs_now(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(Once(at=at(5))))
        await kit.lifecycle.pause(job.id, at(1))
        await kit.lifecycle.resume(job.id, at(9))
        (task,) = await self.steps(kit, job)
        assert (task.status, task.held, task.instant, task.due_at) == (READY, False, at(5), at(9))

    async def test_a_job_whose_instants_have_all_passed_is_exhausted(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1, max_runs=3), ON_COMPLETION))
        await kit.lifecycle.pause(job.id, NOW)
        resumed = await kit.lifecycle.resume(job.id, at(60))
        assert (resumed.cursor.at, resumed.cursor.count, resumed.cursor.exhausted) == (at(3), 3, True)
        await kit.jobs.settle([job.id], at(60))
        assert (await self.job(kit, job)).status is JobState.COMPLETED

    async def test_an_occurrence_under_way_is_not_skipped(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), steps=[step("a"), step("b"), step("c", "a")]))
        kit.time.now = at(1)
        claim = await kit.claim(first_task(job))
        await kit.lifecycle.pause(job.id, at(1))
        await kit.commit(claim, succeed())
        await kit.lifecycle.resume(job.id, at(1.5))
        states = [(task.step, task.status.value) for task in await self.steps(kit, job)]
        assert states[:3] == [("a", "SUCCEEDED"), ("b", "READY"), ("c", "READY")]
        assert len(kit.agenda.due(at(1.5), None, 9)) == 2

    async def test_what_waits_for_the_slot_stays_held(self, kit: StoreKit) -> None:
        job = a_job(every(1), overlap="queue")
        slotted = job.model_copy(update={"slot": "trigger:x", "queued": first_task(job).cause})
        held = first_task(job).model_copy(update={"held": True})
        await kit.add(Submission(slotted, (held,)))
        await kit.lifecycle.pause(job.id, NOW)
        resumed = await kit.lifecycle.resume(job.id, at(0.5))
        assert resumed.queued == first_task(job).cause
        assert await self.states(kit, job) == [(1, "READY", True)]

    async def test_a_queued_occurrence_that_passed_waits_no_longer(self, kit: StoreKit) -> None:
        job = a_job(every(1), overlap="queue")
        slotted = job.model_copy(update={"slot": "trigger:x", "queued": first_task(job).cause})
        await kit.add(submission(slotted))
        await kit.lifecycle.pause(job.id, NOW)
        assert (await kit.lifecycle.resume(job.id, at(1.5))).queued is None
        assert (await self.job(kit, job)).slot == "trigger:x"

    async def test_many_resumers_make_one_chain(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1)))
        await kit.lifecycle.pause(job.id, NOW)
        await asyncio.gather(*(kit.lifecycle.resume(job.id, at(10.5)) for _ in range(6)))
        assert await self.states(kit, job) == [(1, "SKIPPED", True), (11, "READY", False)]
        assert await self.kinds(kit, job) == ["resumed", "paused"]
        assert len((await kit.history_of(job.id)).skipped) == 1

    async def test_a_pause_and_claims_at_once(self, kit: StoreKit) -> None:
        """I4: what was not claimed by then never is, and the caller is told of what was."""
        for _ in range(10):
            job = await self.stored(kit, a_job(steps=[step(name) for name in "abcd"]))
            hints = [hint_of(task) for task in tasks_of(job)]
            _, *claims = await asyncio.gather(
                kit.lifecycle.pause(job.id, NOW),
                *(kit.claims.claim([hint], "w", TTL) for hint in hints),
            )
            tasks = await self.steps(kit, job)
            assert all(task.held for task in tasks)
            running = [task for task in tasks if task.status is RUNNING]
            assert len(running) == sum(map(len, claims))
            assert (await kit.tasks.may_start_until(job.id) is not None) == bool(running)
            assert not await kit.claims.claim([hint_of(task) for task in tasks], "w", TTL)

    async def test_pauses_and_resumes_at_once_leave_no_step_behind(self, kit: StoreKit) -> None:
        for _ in range(5):
            job = await self.stored(kit, a_job())
            await asyncio.gather(
                *(kit.lifecycle.pause(job.id, NOW) for _ in range(3)),
                *(kit.lifecycle.resume(job.id, at(1)) for _ in range(3)),
            )
            (task,) = await self.steps(kit, job)
            assert task.held is ((await self.job(kit, job)).status is JobState.PAUSED)

    async def test_a_pause_and_the_chain_at_once(self, kit: StoreKit) -> None:
        for _ in range(5):
            job = await self.stored(kit, a_job(every(1)))
            extend = asyncio.to_thread(kit.agenda.extend, [due(first_task(job))], at(3.5), NOW)
            await asyncio.gather(kit.lifecycle.pause(job.id, NOW), extend)
            assert all(task.held for task in await self.steps(kit, job))
            assert not kit.agenda.due(at(60), None, 9)
            await kit.jobs.cancel(job.id, NOW)


class TriggeringConformance(Told):
    """Runs besides the schedule."""

    async def test_a_triggered_occurrence_is_due_now(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(60, max_runs=1), steps=[step("a"), step("b", "a")]))
        request = new_id(NOW)
        tasks = await kit.lifecycle.trigger(job.id, request, at(5))
        assert [(task.step, task.status, task.cause, task.count) for task in tasks] == [
            ("a", READY, f"trigger:{request}", 0),
            ("b", TaskState.BLOCKED, f"trigger:{request}", 0),
        ]
        assert {(task.instant, task.due_at) for task in tasks} == {(at(5), at(5))}
        assert [await kit.task(task) for task in tasks] == list(tasks)
        assert (await self.job(kit, job)).cursor == job.cursor
        assert await self.kinds(kit, job) == ["triggered"]

    async def test_the_same_request_gives_the_same_occurrence_whatever_became_of_the_job(
        self, kit: StoreKit
    ) -> None:
        job = await self.stored(kit, a_job())
        request = new_id(NOW)
        answers = await asyncio.gather(
            *(kit.lifecycle.trigger(job.id, request, at(number)) for number in range(5))
        )
        assert len({answer[0].instant for answer in answers}) == 1
        assert len(await self.steps(kit, job)) == 2
        await kit.jobs.cancel(job.id, at(9))
        again = await kit.lifecycle.trigger(job.id, request, at(99))
        assert [task.id for task in again] == [answers[0][0].id]

    async def test_a_triggered_occurrence_belongs_to_the_trace_that_asked_first(self, kit: StoreKit) -> None:
        own, asked, again = (Trace(parent=f"00-{number:032x}-{number:016x}-01") for number in (1, 2, 3))
        job = await self.stored(kit, a_job(every(60)).model_copy(update={"trace": own}))
        request = new_id(NOW)
        for trace in (asked, again):
            tasks = await kit.lifecycle.trigger(job.id, request, NOW, trace)
            assert [task.trace for task in tasks] == [asked]
        (untraced,) = await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        assert untraced.trace == own

    @pytest.mark.parametrize("state", ["PAUSED", "CANCELLED", "COMPLETED"])
    async def test_only_an_active_job_is_triggered(self, kit: StoreKit, state: str) -> None:
        job = await self.stored(kit, a_job())
        match state:
            case "PAUSED":
                await kit.lifecycle.pause(job.id, NOW)
            case "CANCELLED":
                await kit.jobs.cancel(job.id, NOW)
            case _:
                await kit.jobs.complete_solo([job.id], NOW)
        with pytest.raises(Conflict, match=state.lower()):
            await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        assert len(await self.steps(kit, job)) == 1

    async def test_a_cancel_and_a_trigger_at_once_leave_nothing_ready(self, kit: StoreKit) -> None:
        async def cancel(job: Job) -> None:
            await kit.jobs.cancel(job.id, NOW)
            await kit.tasks.cancel_of_job(job.id, NOW)

        for _ in range(10):
            job = await self.stored(kit, a_job())
            trigger = kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
            await asyncio.gather(cancel(job), trigger, return_exceptions=True)
            assert {task.status for task in await self.steps(kit, job)} == {TaskState.CANCELLED}


class SkippingConformance(Told):
    """Skipping the next occurrence."""

    async def test_the_chain_goes_on_behind_what_is_skipped(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), steps=[step("a"), step("b", "a")]))
        tasks = await kit.lifecycle.skip_next(job.id, NOW)
        assert {(t.instant, t.status, t.reason) for t in tasks} == {(at(1), SKIPPED, "skipped on request")}
        stored = await self.job(kit, job)
        assert (stored.cursor.at, stored.cursor.count) == (at(2), 2)
        assert stored.upcoming(NOW) == at(2)
        states = [(seconds, state) for seconds, state, _ in await self.states(kit, job)]
        assert states == [(1, "SKIPPED")] * 2 + [(2, "READY"), (2, "BLOCKED")]
        assert await self.kinds(kit, job) == ["skipped_next"]

    async def test_each_request_skips_one_more(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1, max_runs=2), ON_COMPLETION))
        skipped = [(await kit.lifecycle.skip_next(job.id, NOW))[0].instant for _ in range(2)]
        assert skipped == [at(1), at(2)]
        with pytest.raises(Conflict, match="none to skip"):
            await kit.lifecycle.skip_next(job.id, NOW)
        assert (await self.job(kit, job)).upcoming(NOW) is None
        await kit.jobs.settle([job.id], NOW)
        assert (await self.job(kit, job)).status is JobState.COMPLETED

    async def test_what_has_begun_is_not_skipped(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(1), steps=[step("a"), step("b")]))
        await self.extended(kit, job, 1.5)
        kit.time.now = at(1)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        assert {task.instant for task in await kit.lifecycle.skip_next(job.id, at(1))} == {at(2)}

    async def test_a_triggered_occurrence_is_none_of_the_schedule(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job())
        kit.time.now = NOW
        await kit.claim(first_task(job))
        await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)
        with pytest.raises(Conflict):
            await kit.lifecycle.skip_next(job.id, NOW)

    async def test_of_a_paused_job_the_next_one_is_held(self, kit: StoreKit) -> None:
        job = await self.stored(kit, a_job(every(5)))
        await kit.lifecycle.pause(job.id, NOW)
        await kit.lifecycle.skip_next(job.id, NOW)
        assert (await self.states(kit, job))[1:] == [(10, "READY", True)]

    async def test_a_skip_and_the_chain_at_once_make_neither_gap_nor_double(self, kit: StoreKit) -> None:
        for _ in range(10):
            job = await self.stored(kit, a_job(every(1)))
            extend = asyncio.to_thread(kit.agenda.extend, [due(first_task(job))], at(3.5), NOW)
            await asyncio.gather(kit.lifecycle.skip_next(job.id, NOW), extend)
            await asyncio.to_thread(kit.agenda.stalled, at(60), NOW, 99)
            states = await self.states(kit, job)
            stored = await self.job(kit, job)
            assert [seconds for seconds, *_ in states] == [n + 1.0 for n in range(stored.cursor.count)]
            assert [state for _, state, _ in states] == ["SKIPPED"] + ["READY"] * (len(states) - 1)
            assert stored.cursor.at == NOW + stored.cursor.count * SECOND
            await kit.jobs.cancel(job.id, NOW)

    async def test_a_skip_and_a_claim_at_once(self, kit: StoreKit) -> None:
        for _ in range(10):
            job = await self.stored(kit, a_job(every(1)))
            kit.time.now = at(1)
            skipped, claimed = await asyncio.gather(
                kit.lifecycle.skip_next(job.id, at(1)),
                kit.claims.claim([hint_of(first_task(job))], "w", TTL),
                return_exceptions=True,
            )
            status = (await kit.task(first_task(job))).status
            assert status is (RUNNING if claimed else SKIPPED)
            assert isinstance(skipped, Conflict) is bool(claimed)
