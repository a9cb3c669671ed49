"""The end of history on the real store."""

from datetime import timedelta

import pytest

from karya.core.job import Job, JobState
from karya.core.policies import Retention
from karya.core.ports.history import Retention as RetentionPort
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, ON_SUCCESS, a_job, at, bury, every, first_task, submission, succeed

DAY = timedelta(days=1)


@pytest.fixture
def retention(kit: StoreKit) -> RetentionPort:
    return kit.retention


async def ended(kit: StoreKit, job: Job, *, well: bool = True) -> Job:
    """Stores the job, ends its first task and, if that was all, the job."""
    await kit.add(submission(job))
    kit.time.now = max(kit.time.now, job.cursor.at)
    await kit.commit(await kit.claim(first_task(job)), succeed() if well else bury())
    await kit.jobs.settle([job.id], at(2))
    return job


async def left(kit: StoreKit, job: Job) -> tuple[bool, int, int]:
    """Whether the job is there, and how many tasks and error logs."""
    logs = await kit.errors_of(job.id)
    return await kit.jobs.get(job.id) is not None, len(await kit.tasks_of(job.id)), len(logs)


async def test_what_is_young_stays(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job())
    sweep = await retention.expire(NOW + 7 * DAY, None, 9)
    assert (sweep.tasks, sweep.jobs) == (0, 0)
    assert await left(kit, job) == (True, 1, 0)


async def test_successes_go_after_a_week_and_the_job_after_a_month(
    kit: StoreKit, retention: RetentionPort
) -> None:
    job = await ended(kit, a_job())
    sweep = await retention.expire(NOW + 8 * DAY, None, 9)
    assert (sweep.tasks, sweep.jobs) == (1, 0)
    assert await left(kit, job) == (True, 0, 0)
    sweep = await retention.expire(NOW + 31 * DAY, None, 9)
    assert (sweep.tasks, sweep.jobs) == (0, 1)
    assert await left(kit, job) == (False, 0, 0)


async def test_dead_letters_stay_for_ever_with_their_job_and_story(
    kit: StoreKit, retention: RetentionPort
) -> None:
    job = await ended(kit, a_job(), well=False)
    await retention.expire(NOW + 9_999 * DAY, None, 9)
    assert await left(kit, job) == (True, 1, 1)


async def test_unless_the_job_says_otherwise(kit: StoreKit, retention: RetentionPort) -> None:
    short = Retention(succeeded=DAY, other=2 * DAY, dead=3 * DAY)
    job = await ended(kit, a_job(retention=short), well=False)
    await retention.expire(NOW + 2 * DAY, None, 9)
    assert await left(kit, job) == (True, 1, 1)
    await retention.expire(NOW + 4 * DAY, None, 9)
    assert await left(kit, job) == (False, 0, 0)


async def test_an_unfinished_hook_keeps_its_occurrence(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job(None, ON_SUCCESS))
    await retention.expire(NOW + 99 * DAY, None, 9)
    assert await left(kit, job) == (True, 2, 0)
    (hook,) = await kit.hooks_of(job.id)
    kit.time.now = max(kit.time.now, hook.due_at)
    await kit.commit(await kit.claim(hook), succeed())
    await retention.expire(NOW + 99 * DAY, None, 9)
    assert await left(kit, job) == (False, 0, 0)


async def test_a_live_job_keeps_what_waits(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job(every(1)))
    kit.agenda.extend([], at(5), at(5))
    sweep = await retention.expire(NOW + 99 * DAY, None, 9)
    assert sweep.tasks == 1
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    assert stored.status is JobState.ACTIVE


async def test_it_goes_round_all_jobs(kit: StoreKit, retention: RetentionPort) -> None:
    jobs = [await ended(kit, a_job()) for _ in range(5)]
    after, looks = None, 0
    while True:
        sweep = await retention.expire(NOW + 8 * DAY, after, 2)
        after, looks = sweep.next_after, looks + 1
        if after is None:
            break
    assert looks == 3
    assert [await left(kit, job) for job in jobs] == [(True, 0, 0)] * 5
