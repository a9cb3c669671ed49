"""A document that cannot be read (of a later version, say) keeps nobody else from being served."""

import pytest
from structlog.testing import capture_logs

from karya.core.job import Job, JobState
from karya.core.queries import JobQuery
from karya.core.task import TaskState
from tests.conformance.store.agenda import instants, seconds
from tests.conformance.store.kit import StoreKit, commit_of
from tests.integration.store.conftest import Mongo
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_FAILURE,
    a_job,
    at,
    bury,
    due,
    every,
    first_task,
    step,
    submission,
    succeed,
    tasks_of,
)


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


async def test_outcomes_are_stored_beside_one_whose_hooks_nobody_understands(
    kit: StoreKit, mongo: Mongo
) -> None:
    jobs = [a_job(None, ON_FAILURE) for _ in range(3)]
    await kit.add(*map(submission, jobs))
    commits = [commit_of(await kit.claim(first_task(job)), bury()) for job in jobs]
    odd = first_task(jobs[1]).id
    mongo.blocking.tasks.update_one({"_id": odd}, {"$set": {"hooks": ['{"trigger": "ON_MARS"}']}})
    with capture_logs() as logs:
        assert await kit.commits.commit(commits, at(2)) == {odd}
    assert [(line["event"], line["task"]) for line in logs] == [("outcome_refused", odd)]
    for job in (jobs[0], jobs[2]):
        assert (await kit.task(first_task(job))).status is TaskState.DEAD
        assert (len(await kit.hooks_of(job.id)), len(await kit.errors_of(job.id))) == (1, 1)
    assert mongo.blocking.tasks.count_documents({"_id": odd, "status": "RUNNING"}) == 1
    assert await kit.errors_of(jobs[1].id) == ()


async def test_outcomes_are_stored_beside_one_with_a_step_behind_it_that_nobody_understands(
    kit: StoreKit, mongo: Mongo
) -> None:
    """Were it stored, too, that step would never be told, and wait for ever."""
    jobs = [a_job(steps=[step("one"), step("two", "one")]) for _ in range(5)]
    await kit.add(*map(submission, jobs))
    commits = [commit_of(await kit.claim(first_task(job)), succeed()) for job in jobs]
    odd, behind = tasks_of(jobs[1])
    mongo.blocking.tasks.update_one({"_id": behind.id}, {"$set": {"when": "of a later version"}})
    with capture_logs() as logs:
        assert await kit.commits.commit(commits, at(2)) == {odd.id}
    assert [(line["event"], line["task"]) for line in logs] == [("outcome_refused", odd.id)]
    plain = [task for job in jobs if job is not jobs[1] for task in tasks_of(job)]
    states = [(await kit.task(task)).status for task in plain]
    assert states == [TaskState.SUCCEEDED, TaskState.READY] * 4
    assert (await kit.task(odd)).status is TaskState.RUNNING
    mongo.blocking.tasks.update_one({"_id": behind.id}, {"$set": {"when": "success"}})
    assert await kit.commits.commit([commits[1]], at(2)) == frozenset()
    assert (await kit.task(behind)).status is TaskState.READY
