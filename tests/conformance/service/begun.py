"""What every `JobService` must leave alone: occurrences that have begun."""

import pytest

from karya.core.errors import Conflict
from karya.core.task import TaskState
from tests.conformance.service.kit import Clerk, Kit, every, words
from tests.conformance.service.steering import TWO_STEPS, seen
from tests.support.story import at, retry


class BegunConformance(Clerk):
    """A job whose only occurrence is half done."""

    async def test_there_is_nothing_to_skip(self, kit: Kit) -> None:
        job = await self.job(kit, steps=TWO_STEPS)
        await self.succeed(kit, job.id)
        before = await kit.service.get(job.id)
        with pytest.raises(Conflict) as refused:
            await kit.service.skip_next(job.id)
        told = f"job {job.id} has no occurrence that has not begun: there is none to skip"
        assert words(refused) == (Conflict, told)
        assert await kit.service.get(job.id) == before
        assert await self.kinds(kit, job.id) == ["submitted"]

    async def test_what_is_retried_has_begun(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60, max_runs=1))
        kit.time.advance(60)
        (task,) = await self.tasks(kit, job.id)
        await kit.end(task.id, retry(due_at=at(90)))
        with pytest.raises(Conflict, match="none to skip"):
            await kit.service.skip_next(job.id)

    async def test_a_job_that_runs_once_has_run_for_good(self, kit: Kit) -> None:
        job = await self.job(kit, steps=TWO_STEPS)
        await self.succeed(kit, job.id)
        with pytest.raises(Conflict) as refused:
            await kit.service.update(job.id, {"schedule": {"kind": "once", "at": "2026-11-23T09:00:00Z"}})
        told = f"job {job.id} has run already, or runs now: submit a new one for another time"
        assert words(refused) == (Conflict, told)

    async def test_what_runs_finishes_with_the_version_it_has(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60), steps=TWO_STEPS)
        kit.time.advance(60)
        (first, *_) = [task for task in await self.tasks(kit, job.id) if task.step == "a"]
        await kit.end(first.id, retry(due_at=at(90)))
        await kit.service.update(job.id, {"schedule": every(100), "tags": ["new"]})
        assert seen(await self.tasks(kit, job.id)) == [
            (60, "READY", False),
            (60, "READY", False),
            (100, "READY", False),
            (100, "READY", False),
        ]
        versions = [(await kit.service.task(task.id)).job_version for task in await self.tasks(kit, job.id)]
        assert sorted(versions) == [1, 1, 2, 2]
        assert (await kit.service.task(first.id)).task.status is TaskState.READY
