"""A document that cannot be read (of a later version, say) keeps nobody else from being served."""

import pytest

from karya.core.job import Job, JobState
from karya.core.queries import JobQuery
from tests.conformance.store.agenda import instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.story import NOW, ON_COMPLETION, a_job, at, due, every, first_task, submission, succeed


@pytest.fixture
async def poisoned(kit: StoreKit, mongo: Mongo) -> tuple[Job, Job]:
    """A recurring job whose schedule and task nobody here understands, and one like any other."""
    odd, plain = a_job(every(1)), a_job(every(1))
    await kit.add(submission(odd), submission(plain))
    schedule = '{"schedule": {"kind": "of a later version"}}'
    mongo.blocking.jobs.update_one({"_id": odd.id}, {"$set": {"schedule": schedule}})
    mongo.blocking.tasks.update_one({"job_id": odd.id}, {"$set": {"kind": "of a later version"}})
    return odd, plain


async def test_the_scheduler_goes_on_with_the_others(kit: StoreKit, poisoned: tuple[Job, Job]) -> None:
    odd, plain = poisoned
    assert [task.hint.job_id for task in kit.agenda.due(at(9), None, 9)] == [plain.id]
    kit.agenda.extend([due(first_task(odd)), due(first_task(plain))], at(1), NOW)
    assert await instants(kit, plain) == seconds(1, 2)
    assert not kit.agenda.stalled(at(9), at(9), 9).moved


@pytest.mark.parametrize("most", [1, 2])
async def test_a_page_that_holds_it_is_not_taken_for_the_last_one(
    kit: StoreKit, mongo: Mongo, most: int
) -> None:
    """Else what is due behind it would wait until nothing before it does any more."""
    jobs = [a_job(every(1)) for _ in range(4)]
    await kit.add(*map(submission, jobs))
    *odd, plain, last = sorted(first_task(job).id for job in jobs)
    mongo.blocking.tasks.update_many({"_id": {"$in": odd}}, {"$unset": {"kind": ""}})
    assert [task.hint.task_id for task in kit.agenda.due(at(9), None, most)] == [plain, last][:most]


async def test_lists_and_sweeps_leave_it_out(kit: StoreKit, mongo: Mongo, poisoned: tuple[Job, Job]) -> None:
    odd, plain = poisoned
    page = await kit.jobs.list(JobQuery(), cursor=None, limit=9)
    assert [job.id for job in page.items] == [plain.id]
    assert (await kit.tasks.of_job(odd.id, cursor=None, limit=9)).items == ()
    kit.time.advance(1)
    await kit.claim(first_task(plain))
    mongo.blocking.tasks.update_many({}, {"$set": {"status": "RUNNING", "lease.expires_at": NOW}})
    assert [task.job_id for task in await kit.claims.expired(9)] == [plain.id]


async def test_what_has_expired_behind_any_number_of_them_is_found(kit: StoreKit, mongo: Mongo) -> None:
    jobs = [a_job() for _ in range(5)]
    await kit.add(*map(submission, jobs))
    for number, job in enumerate(jobs):
        await kit.claim(first_task(job))
        wanted = {"job_id": job.id}
        mongo.blocking.tasks.update_one(wanted, {"$set": {"lease.expires_at": at(number)}})
        if number < 3:
            mongo.blocking.tasks.update_one(wanted, {"$set": {"kind": "of a later version"}})
    kit.time.advance(99)
    for limit, found in ((1, 1), (2, 2), (3, 2)):
        expired = await kit.claims.expired(limit)
        assert [task.job_id for task in expired] == [job.id for job in jobs[3:][:found]]


async def test_the_ends_of_the_others_are_written(kit: StoreKit, mongo: Mongo) -> None:
    odd, plain = a_job(None, ON_COMPLETION), a_job(None, ON_COMPLETION)
    await kit.add(submission(odd), submission(plain))
    for job in (odd, plain):
        await kit.commit(await kit.claim(first_task(job)), succeed())
    mongo.blocking.jobs.update_one({"_id": odd.id}, {"$set": {"hooks": ['{"trigger": "ON_MARS"}']}})
    assert await kit.jobs.settle([odd.id, plain.id], at(2))
    stored = await kit.jobs.get(plain.id)
    assert stored is not None and stored.status is JobState.COMPLETED
