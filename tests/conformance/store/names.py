"""What every `JobRepository` and `Lifecycle` must do about the names of jobs."""

import asyncio
from typing import Any

import pytest

from karya.core.action import NoopAction
from karya.core.errors import Conflict, Outdated
from karya.core.job import Job, JobState
from karya.core.revision import merged, revised
from karya.core.spec import spec_model
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, a_job, at, submission

SPEC = spec_model([NoopAction])


def named(name: str = "nightly", **fields: Any) -> Job:
    return a_job(name=name, **fields)


class NamesConformance:
    """Of the live jobs of an owner, no two have the same name."""

    async def test_a_second_live_job_of_the_name_is_refused_and_leaves_nothing(self, kit: StoreKit) -> None:
        first, second, beside = named(), named(), a_job()
        await kit.add(submission(first))
        with pytest.raises(Conflict, match="the name 'nightly' is taken"):
            await kit.jobs.submit([submission(beside), submission(second)])
        assert [await kit.jobs.get(job.id) for job in (second, beside)] == [None, None]

    async def test_storing_the_same_job_again_changes_nothing(self, kit: StoreKit) -> None:
        job = named()
        await kit.add(submission(job))
        await kit.jobs.submit([submission(job), submission(a_job())])
        assert await kit.jobs.named(None, ["nightly"]) == {"nightly": job}

    async def test_of_many_at_once_one_gets_the_name(self, kit: StoreKit) -> None:
        jobs = [named(created_at=at(number)) for number in range(6)]
        tries = [kit.jobs.submit([submission(job)]) for job in jobs]
        answers = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(answer is None for answer in answers) == 1
        assert all(answer is None or isinstance(answer, Conflict) for answer in answers)

    async def test_other_owners_and_jobs_that_have_ended_stand_in_nobodys_way(self, kit: StoreKit) -> None:
        completed, cancelled, live = (named(created_at=at(number)) for number in range(3))
        await kit.add(submission(completed))
        await kit.jobs.complete_solo([completed.id], NOW)
        await kit.add(submission(cancelled))
        await kit.jobs.cancel(cancelled.id, NOW)
        await kit.add(submission(live), submission(named(user_id="ann")))
        found = await kit.jobs.named(None, ["nightly", "other"])
        assert [job.id for job in found.values()] == [live.id]

    async def test_where_none_lives_the_newest_that_has_completed_is_found(self, kit: StoreKit) -> None:
        jobs = [named(created_at=at(number)) for number in range(3)]
        for job in jobs[:2]:
            await kit.add(submission(job))
            await kit.jobs.complete_solo([job.id], NOW)
        await kit.add(submission(jobs[2]))
        await kit.jobs.cancel(jobs[2].id, NOW)
        (found,) = (await kit.jobs.named(None, ["nightly"])).values()
        assert (found.id, found.status) == (jobs[1].id, JobState.COMPLETED)
        assert await kit.jobs.named("ann", ["nightly"]) == {}

    async def test_an_update_cannot_take_a_name_and_gives_its_own_back(self, kit: StoreKit) -> None:
        holder, other = named(), named("weekly")
        await kit.add(submission(holder), submission(other))
        with pytest.raises(Conflict, match="the name 'nightly' is taken"):
            await self.update(kit, other, name="nightly")
        assert await kit.jobs.get(other.id) == other
        await self.update(kit, holder, name=None)
        assert (await self.update(kit, other, name="nightly")).name == "nightly"
        await kit.add(submission(named("weekly")))

    async def test_a_cancel_heeds_the_version(self, kit: StoreKit) -> None:
        job = named()
        await kit.add(submission(job))
        with pytest.raises(Outdated, match="version 1, not 2"):
            await kit.jobs.cancel(job.id, NOW, 2)
        assert await kit.jobs.get(job.id) == job
        for _ in range(2):
            ended = await kit.jobs.cancel(job.id, NOW, 1)
            assert ended is not None
            assert ended.status is JobState.CANCELLED

    async def update(self, kit: StoreKit, job: Job, **changes: Any) -> Job:
        def revise(stored: Job) -> Job:
            return revised(stored, SPEC.model_validate(merged(stored, changes)), NOW)

        return await kit.lifecycle.update(job.id, revise, NOW)
