"""The end of history on the real store."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from karya.core.ids import new_id
from karya.core.job import Job, JobState
from karya.core.policies import Retention
from karya.core.ports.history import Retention as RetentionPort
from karya.core.ports.history import Sweep
from karya.core.ports.lifecycle import ChangeKind
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.core.transitions import Move, Transition
from karya.store import remains
from karya.store.remains import Look
from karya.store.retention import MongoRetention
from tests.conformance.store.kit import StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_SUCCESS,
    a_job,
    at,
    bury,
    due,
    every,
    first_task,
    submission,
    succeed,
)

DAY = timedelta(days=1)
SHORT = Retention(succeeded=DAY, other=2 * DAY)


@pytest.fixture
def retention(kit: StoreKit) -> RetentionPort:
    return kit.retention


def succeeded(now: datetime) -> Transition:
    changes = succeed().changes
    return Transition(Move.SUCCEED, {**changes, "finished_at": now})


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
    sweep = await retention.expire(NOW + 7 * DAY, 9)
    assert (sweep.tasks, sweep.jobs) == (0, 0)
    assert await left(kit, job) == (True, 1, 0)


async def test_successes_go_after_a_week_and_the_job_after_a_month(
    kit: StoreKit, retention: RetentionPort
) -> None:
    job = await ended(kit, a_job())
    sweep = await retention.expire(NOW + 8 * DAY, 9)
    assert (sweep.tasks, sweep.jobs) == (1, 0)
    assert await left(kit, job) == (True, 0, 0)
    sweep = await retention.expire(NOW + 31 * DAY, 9)
    assert (sweep.tasks, sweep.jobs) == (0, 1)
    assert await left(kit, job) == (False, 0, 0)


async def test_dead_letters_stay_for_ever_with_their_job_and_story(
    kit: StoreKit, retention: RetentionPort
) -> None:
    job = await ended(kit, a_job(), well=False)
    await retention.expire(NOW + 9_999 * DAY, 9)
    assert await left(kit, job) == (True, 1, 1)


async def test_unless_the_job_says_otherwise(kit: StoreKit, retention: RetentionPort) -> None:
    short = Retention(succeeded=DAY, other=2 * DAY, dead=3 * DAY)
    job = await ended(kit, a_job(retention=short), well=False)
    await retention.expire(NOW + 2 * DAY, 9)
    assert await left(kit, job) == (True, 1, 1)
    await retention.expire(NOW + 4 * DAY, 9)
    assert await left(kit, job) == (False, 0, 0)


async def test_an_unfinished_hook_keeps_its_occurrence(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job(None, ON_SUCCESS))
    await retention.expire(NOW + 99 * DAY, 9)
    assert await left(kit, job) == (True, 2, 0)
    (hook,) = await kit.hooks_of(job.id)
    kit.time.now = max(kit.time.now, hook.due_at)
    await kit.commit(await kit.claim(hook), succeed())
    await retention.expire(NOW + 107 * DAY, 9)
    assert await left(kit, job) == (False, 0, 0)


async def test_a_live_job_keeps_what_waits(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job(every(1)))
    kit.agenda.extend([], at(5), at(5))
    sweep = await retention.expire(NOW + 99 * DAY, 9)
    assert sweep.tasks == 1
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    assert stored.status is JobState.ACTIVE


async def all_due(retention: RetentionPort, now: datetime, limit: int = 9) -> Sequence[Sweep]:
    """Looks until nothing is due."""
    sweeps: list[Sweep] = []
    while not sweeps or sweeps[-1].looked:
        sweeps.append(await retention.expire(now, limit))
    return sweeps[:-1]


def forget_at(mongo: Mongo, job: Job) -> datetime | None:
    return mongo.blocking.jobs.find_one({"_id": job.id}, {"forget_at": 1}).get("forget_at")  # type: ignore[union-attr]


async def test_each_job_is_looked_at_when_its_tasks_may_go_and_when_it_may_go_itself(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo
) -> None:
    """However many there are, and by whatever server: what was looked at is on record."""
    jobs = [await ended(kit, a_job()) for _ in range(7)]
    assert await all_due(retention, NOW + 7 * DAY) == []
    looks = await all_due(MongoRetention(mongo.asynchronous), NOW + 8 * DAY, 2)
    assert [look.looked for look in looks] == [2, 2, 2, 1]
    assert sum(look.tasks for look in looks) == 7
    assert [look.behind for look in looks] == [DAY - DAY / 24] * 4
    assert await all_due(MongoRetention(mongo.asynchronous), NOW + 29 * DAY) == []
    looks = await all_due(retention, NOW + 31 * DAY, 2)
    assert ([look.looked for look in looks], sum(look.jobs for look in looks)) == ([2, 2, 2, 1], 7)
    assert [await left(kit, job) for job in jobs] == [(False, 0, 0)] * 7


async def test_until_then_most_jobs_cost_nothing_for_it(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo
) -> None:
    once, recurring, short = a_job(), a_job(every(1)), a_job(Once(at=at(60)), retention=SHORT)
    await kit.add(*map(submission, (once, recurring, short)))
    assert [forget_at(mongo, job) for job in (once, recurring, short)] == [
        None,
        NOW + 7 * DAY,
        at(60) + DAY,
    ]
    await kit.jobs.complete_solo([once.id, short.id], NOW + 5 * DAY)
    assert [forget_at(mongo, job) for job in (once, short)] == [None, at(60) + DAY]


async def end_by(kit: StoreKit, way: str, job: Job, young: Job) -> None:
    """Ends the job in one of the ways to do so, perhaps together with another one."""
    end = kit.time.now
    if way == "cancel":
        await kit.jobs.cancel(job.id, end)
        await kit.tasks.cancel_of_job(job.id, end)
    else:
        await kit.commit(await kit.claim(first_task(job)), succeeded(end))
        await (kit.jobs.complete_solo if way == "solo" else kit.jobs.settle)([job.id, young.id], end)
    for hook in await kit.hooks_of(job.id):
        await kit.commit(await kit.claim(hook), succeeded(end))


@pytest.mark.parametrize("way", ["solo", "settle", "hooks", "cancel"])
async def test_what_has_an_old_id_when_it_is_stored_goes_as_well(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo, way: str
) -> None:
    """As of a job that a late task has chained: its age was passed before it was there."""
    kit.time.now = end = NOW + 20 * DAY
    hooks = (ON_COMPLETION,) if way == "hooks" else ()
    await kit.add(submission(a_job()))
    await all_due(retention, end)
    job, young = a_job(None, *hooks, created_at=NOW - DAY), a_job(Once(at=end), created_at=end)
    await kit.add(submission(job), submission(young))
    await end_by(kit, way, job, young)
    assert (await kit.jobs.get(job.id)) and forget_at(mongo, young) is None
    await all_due(retention, end + 6 * DAY)
    assert await kit.tasks_of(job.id)
    await all_due(retention, end + 31 * DAY)
    assert await kit.jobs.get(job.id) is None


@pytest.mark.parametrize("way", ["solo", "settle", "hooks", "cancel"])
@pytest.mark.parametrize("days", [6, 6.5, 7.5, 20])
async def test_what_ends_long_after_it_was_made_goes_as_well(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo, way: str, days: float
) -> None:
    """Whether its age has been noticed before or not."""
    hooks = (ON_COMPLETION,) if way == "hooks" else ()
    end = NOW + days * DAY
    job, young = a_job(Once(at=end), *hooks), a_job(Once(at=end), created_at=end)
    await kit.add(submission(job), submission(young))
    await all_due(retention, end)
    kit.time.now = end
    await end_by(kit, way, job, young)
    assert forget_at(mongo, young) is None
    kept = 30 * DAY if way == "cancel" else 7 * DAY
    await all_due(retention, end + kept - DAY / 24)
    assert await kit.tasks_of(job.id)
    await all_due(retention, end + kept + DAY)
    assert await kit.tasks_of(job.id) == ()
    await all_due(retention, end + 31 * DAY)
    assert await kit.jobs.get(job.id) is None


@pytest.mark.parametrize("fate", ["redriven", "discarded"])
async def test_what_stays_for_ever_is_not_looked_at_until_somebody_decides_on_it(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo, fate: str
) -> None:
    job = await ended(kit, a_job(retention=Retention(succeeded=DAY, other=DAY)), well=False)
    assert len(await all_due(retention, NOW + 2 * DAY)) == 1
    assert forget_at(mongo, job) is None
    await all_due(retention, NOW + 40 * DAY)
    assert await all_due(retention, NOW + 999 * DAY) == []
    kit.time.now = now = NOW + 999 * DAY
    if fate == "discarded":
        assert await kit.letters.discard(first_task(job).id, now)
    else:
        assert await kit.letters.redrive(first_task(job).id, now)
        await kit.commit(await kit.claim(first_task(job)), succeeded(now))
    await all_due(retention, now + DAY / 2)
    assert await left(kit, job) == (True, 1, 1)
    await all_due(retention, now + 2 * DAY)
    assert await left(kit, job) == (False, 0, 0)


async def test_a_look_that_was_read_before_a_redrive_takes_no_time_away(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo
) -> None:
    job = await ended(kit, a_job(), well=False)
    now = NOW + 8 * DAY
    seen = mongo.blocking.jobs.find_one({"_id": job.id})
    assert await kit.letters.discard(first_task(job).id, now)
    assert isinstance(retention, MongoRetention) and seen
    await retention._mark([Look(job.id, None)], {job.id}, now)
    assert forget_at(mongo, job) is not None


async def test_a_job_that_goes_on_forgets_as_it_goes(
    kit: StoreKit, retention: RetentionPort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Page by page, and dead letters that stay for ever are no obstacle."""
    monkeypatch.setattr(remains, "_MOST_TASKS", 2)
    job = a_job(every(1))
    await kit.add(submission(job))
    tasks = [first_task(job)]
    for number in range(1, 11):
        kit.agenda.extend([due(tasks[-1])], at(number), at(number))
        tasks = sorted(await kit.tasks_of(job.id), key=lambda task: task.instant)
    assert len(tasks) == 11
    kit.time.now = at(11)
    for number, task in enumerate(tasks[:10]):
        await kit.commit(await kit.claim(task), bury() if number in (1, 2, 3, 4) else succeed())
    looks = await all_due(retention, NOW + 8 * DAY)
    assert (len(looks), sum(look.tasks for look in looks)) == (7, 6)
    states = [task.status for task in await kit.tasks_of(job.id)]
    assert sorted(states) == [*[TaskState.DEAD] * 4, TaskState.READY]
    assert await all_due(retention, NOW + 14 * DAY) == []
    assert len(await all_due(retention, NOW + 16 * DAY)) == 1


async def test_an_update_of_the_retention_counts_at_once(kit: StoreKit, retention: RetentionPort) -> None:
    job = await ended(kit, a_job(every(3_600)))
    kit.agenda.extend([], at(5), at(5))
    now = NOW + 2 * DAY
    assert await all_due(retention, now) == []
    await kit.lifecycle.update(job.id, lambda old: old.model_copy(update={"retention": SHORT}), now)
    assert [look.tasks for look in await all_due(retention, now)] == [1, 0]


async def test_triggers_that_are_older_than_all_that_is_kept_go(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo
) -> None:
    """The rest of what was done to a job stays: audits follow its chain by it."""
    job = a_job(every(DAY.total_seconds() * 99))
    await kit.add(submission(job))
    for days in (0, 1, 2, 20):
        now = NOW + days * DAY
        await kit.lifecycle.trigger(job.id, new_id(now), now)
        await kit.lifecycle.update(job.id, lambda old: old, now)
    await all_due(retention, NOW + 40 * DAY)
    left = [(change.kind, change.at) for change in (await kit.history_of(job.id)).changes]
    assert [at for kind, at in left if kind is ChangeKind.TRIGGERED] == [NOW + 20 * DAY]
    assert len(left) == 5


async def test_what_nobody_understands_is_left_alone(
    kit: StoreKit, retention: RetentionPort, mongo: Mongo
) -> None:
    """And looked at again a day later: by then a later version may be back."""
    odd, odder, long, plain = [a_job(), a_job(), a_job(every(9)), a_job()]
    for job in (odd, odder, long, plain):
        await ended(kit, job)
    now = NOW + 40 * DAY
    jobs, tasks = mongo.blocking.jobs, mongo.blocking.tasks
    jobs.update_one({"_id": odd.id}, {"$set": {"retention": "of a later version"}})
    tasks.update_many({"job_id": {"$in": [odder.id, long.id]}}, {"$set": {"kind": "of a later version"}})
    other = {**(tasks.find_one({"job_id": long.id}) or {}), "_id": "another step", "kind": "step"}
    tasks.insert_one(other)
    await all_due(retention, now)
    assert [jobs.count_documents({"_id": job.id}) for job in (odd, odder, long, plain)] == [1, 1, 1, 0]
    assert [tasks.count_documents({"job_id": job.id}) for job in (odd, odder, long, plain)] == [1, 1, 2, 0]
    assert [forget_at(mongo, job) for job in (odd, odder)] == [now + DAY + timedelta(minutes=1)] * 2
    jobs.update_one({"_id": odd.id}, {"$unset": {"retention": ""}})
    await all_due(retention, now + 2 * DAY)
    assert await kit.jobs.get(odd.id) is None
