"""What every `JobService` must do when jobs are cancelled, paused, resumed, triggered, and told to skip."""

from karya.core.ids import new_id
from karya.core.job import JobState
from karya.core.task import TaskState
from karya.core.views import TaskView
from tests.conformance.service.kit import Clerk, Kit, every, ids
from tests.support.story import NOW, at

MINUTELY = every(60)
TWO_STEPS = [{"name": name, "action": {"type": "noop"}} for name in ("a", "b")]


def seen(tasks: list[TaskView]) -> list[tuple[float, str, bool]]:
    """Instant in seconds after NOW, state, and whether it is held; the earliest first."""
    ordered = sorted(tasks, key=lambda task: (task.instant, task.step))
    return [((task.instant - NOW).total_seconds(), task.status.value, task.held) for task in ordered]


class CancellingConformance(Clerk):
    """Cancelling a job."""

    async def test_a_cancel_ends_the_job_and_what_waits_of_it(self, kit: Kit) -> None:
        job = await self.job(kit, steps=TWO_STEPS)
        await self.succeed(kit, job.id)
        cancelled = await kit.service.cancel(job.id)
        assert cancelled == await kit.service.get(job.id)
        assert (cancelled.status, cancelled.finished_at, cancelled.updated_at) == ("CANCELLED", at(1), at(1))
        assert cancelled.next_at is None
        left = {task.status: (task.reason, task.finished_at) for task in await self.tasks(kit, job.id)}
        assert left.keys() == {TaskState.SUCCEEDED, TaskState.CANCELLED}
        assert left[TaskState.CANCELLED] == ("the job was cancelled", at(1))
        assert (await self.history(kit, job.id))[0] == ("cancelled", 1, at(1))

    async def test_a_paused_job_can_be_cancelled(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED)
        assert (await kit.service.cancel(job.id)).status is JobState.CANCELLED

    async def test_cancelling_twice_changes_nothing(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.CANCELLED)
        assert await kit.service.cancel(job.id) == job
        assert await self.kinds(kit, job.id) == ["cancelled", "submitted"]


class PausingConformance(Clerk):
    """Pausing and resuming."""

    async def test_what_waits_of_a_paused_job_is_held(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        paused = await kit.service.pause(job.id)
        assert paused == await kit.service.get(job.id)
        assert (paused.status, paused.paused_at, paused.next_at) == (JobState.PAUSED, at(1), None)
        assert seen(await self.tasks(kit, job.id)) == [(60, "READY", True)]
        assert (await self.history(kit, job.id))[0] == ("paused", 1, at(1))

    async def test_pausing_twice_changes_nothing(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED)
        assert await kit.service.pause(job.id) == job
        assert await self.kinds(kit, job.id) == ["paused", "submitted"]

    async def test_resuming_an_active_job_changes_nothing(self, kit: Kit) -> None:
        job = await self.job(kit)
        assert await kit.service.resume(job.id) == await kit.service.get(job.id)
        assert await self.kinds(kit, job.id) == ["submitted"]

    async def test_a_resumed_job_goes_on(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=MINUTELY)
        resumed = await kit.service.resume(job.id)
        assert resumed == await kit.service.get(job.id)
        assert (resumed.status, resumed.paused_at, resumed.next_at) == (JobState.ACTIVE, None, at(60))
        assert seen(await self.tasks(kit, job.id)) == [(60, "READY", False)]
        assert (await self.history(kit, job.id))[0] == ("resumed", 1, at(2))

    async def test_what_passed_meanwhile_is_skipped_and_on_record(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=MINUTELY)
        kit.time.advance(200)
        assert (await kit.service.resume(job.id)).next_at == at(240)
        tasks = await self.tasks(kit, job.id)
        assert seen(tasks) == [(60, "SKIPPED", False), (240, "READY", False)]
        assert (tasks[1].reason, tasks[1].finished_at) == ("the job was paused", at(202))
        (skip,) = (await kit.service.versions(job.id, cursor=None, limit=9)).skipped
        assert (skip.first, skip.last, skip.count, skip.at) == (at(120), at(180), 2, at(202))
        assert skip.reason == "the job was paused"

    async def test_a_job_that_was_to_run_once_runs_now(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED)
        kit.time.advance(100)
        await kit.service.resume(job.id)
        (task,) = await self.tasks(kit, job.id)
        assert (task.status, task.held, task.instant, task.due_at) == (TaskState.READY, False, NOW, at(102))

    async def test_a_job_that_has_nothing_left_completes(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=every(60, max_runs=2))
        kit.time.advance(600)
        assert (await kit.service.resume(job.id)).status is JobState.COMPLETED
        assert (await kit.service.get(job.id)).finished_at == kit.time.now


class TriggeringConformance(Clerk):
    """Running a job besides its schedule."""

    async def test_an_occurrence_is_due_now(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY, steps=TWO_STEPS)
        key = new_id(kit.time.now)
        one = await kit.service.trigger(job.id, key=key)
        assert (one.job_id, one.cause, one.instant) == (job.id, f"trigger:{key}", at(1))
        assert [(task.step, task.status, task.due_at) for task in one.tasks] == [
            (name, TaskState.READY, at(1)) for name in ("a", "b")
        ]
        assert set(ids(one.tasks)) < set(ids(await self.tasks(kit, job.id)))
        assert (await self.history(kit, job.id))[0] == ("triggered", 1, at(1))
        assert (await kit.service.get(job.id)).updated_at == at(1)

    async def test_the_same_key_gives_the_same_one_whatever_became_of_the_job(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        key = new_id(kit.time.now)
        one = await kit.service.trigger(job.id, key=key)
        assert await kit.service.trigger(job.id, key=key) == one
        assert (await kit.service.trigger(job.id)).cause != one.cause
        await kit.service.cancel(job.id)
        assert (await kit.service.trigger(job.id, key=key)).cause == one.cause
        assert (await self.kinds(kit, job.id)).count("triggered") == 2


class SkippingConformance(Clerk):
    """Skipping the next occurrence."""

    async def test_the_schedule_goes_on_behind_it(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        one = await kit.service.skip_next(job.id)
        assert (one.cause, one.instant) == ("at:2026-11-23T08:01:00.000Z", at(60))
        (task,) = one.tasks
        told = (TaskState.SKIPPED, "skipped on request", at(1))
        assert (task.status, task.reason, task.finished_at) == told
        assert seen(await self.tasks(kit, job.id)) == [(60, "SKIPPED", False), (120, "READY", False)]
        assert (await kit.service.get(job.id)).next_at == at(120)
        assert (await self.history(kit, job.id))[0] == ("skipped_next", 1, at(1))

    async def test_each_call_skips_one_more(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        assert [(await kit.service.skip_next(job.id)).instant for _ in range(2)] == [at(60), at(120)]
        assert (await kit.service.occurrences(job.id, 2)).instants == (at(180), at(240))

    async def test_what_was_triggered_is_not_skipped(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        await kit.service.trigger(job.id)
        assert (await kit.service.skip_next(job.id)).instant == at(60)
        assert seen(await self.tasks(kit, job.id))[0] == (1, "READY", False)

    async def test_of_a_paused_job_the_one_behind_it_is_held(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=MINUTELY)
        await kit.service.skip_next(job.id)
        assert seen(await self.tasks(kit, job.id)) == [(60, "SKIPPED", False), (120, "READY", True)]

    async def test_the_last_one_completes_the_job(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60, max_runs=2))
        await kit.service.skip_next(job.id)
        await kit.service.skip_next(job.id)
        assert (await kit.service.get(job.id)).status is JobState.COMPLETED
