"""What every `Ledger` must do."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from karya.core.audit.records import Entry
from karya.core.audit.story import story_of
from karya.core.hook import Trigger
from karya.core.ids import new_id
from karya.core.job import Job, JobState
from karya.core.policies import Misfire, MisfirePolicy
from karya.core.ports.ledger import Place
from karya.core.ports.lifecycle import ChangeKind
from karya.core.queries import AuditQuery
from karya.core.schedule import Once
from karya.core.task import TaskState
from tests.conformance.store.kit import TTL, StoreKit
from tests.conformance.store.revisions import interval, to
from tests.support.story import (
    NOW,
    ON_FAILURE,
    ON_MISFIRE,
    ON_SUCCESS,
    SECOND,
    a_job,
    at,
    bury,
    child_of,
    due,
    every,
    first_task,
    retry,
    submission,
    succeed,
)

LOCK = "scheduler"


async def read(kit: StoreKit, **query: object) -> Sequence[Entry]:
    """All entries that a query finds."""
    found: list[Entry] = []
    place: Place | None = None
    while True:
        sheet = await kit.ledger.sheet(AuditQuery.model_validate(query), place)
        found += sheet.entries
        if sheet.following is None:
            return found
        place = sheet.following


async def read_one(kit: StoreKit, **query: object) -> Entry:
    (entry,) = await read(kit, **query)
    return entry


def minted(seconds: float, **fields: object) -> Job:
    """A job that was submitted then, under an id of that time."""
    job = a_job(Once(at=at(seconds + 5)), created_at=at(seconds), **fields)
    return job.model_copy(update={"id": new_id(at(seconds))})


class LedgerConformance:
    """Reading the ledger."""

    async def test_all_that_is_stored_of_a_job_comes_together(self, kit: StoreKit) -> None:
        job = a_job(every(10, max_runs=9), ON_SUCCESS, ON_FAILURE, user_id="ann")
        await kit.add(submission(job))
        kit.agenda.extend([due(first_task(job))], at(15), NOW)
        kit.time.now = at(10)
        claim = await kit.claim(first_task(job))
        await kit.commit(claim, retry(due_at=at(11)))
        kit.time.now = at(11)
        await kit.commit(await kit.claim(first_task(job)), bury())
        await kit.lifecycle.trigger(job.id, new_id(at(12)), at(12))
        await kit.lifecycle.update(job.id, to(at(13), schedule=interval(7)), at(13))
        entry = await read_one(kit)
        assert (entry.job.id, entry.job.version, entry.job.user_id) == (job.id, 2, "ann")
        assert (entry.is_whole, entry.is_last, entry.open_steps) == (True, True, 2)
        (updated,) = entry.steers
        assert (updated.kind, updated.version, updated.at) == (ChangeKind.UPDATED, 2, at(13))
        assert updated.outline and updated.outline.schedule == job.schedule
        assert updated.before and (updated.before.at, updated.before.count) == (at(20), 2)
        assert updated.after and (updated.after.at, updated.after.count) == (at(14), 2)
        assert updated.withdrawn == (at(20),)
        assert entry.triggers == [at(12)]
        dead, *others = entry.tasks
        assert (dead.status, dead.attempts, dead.failed, dead.leased) == (TaskState.DEAD, 2, True, True)
        assert [(task.instant, task.count, task.version) for task in others] == [
            (at(11), 0, 1),
            (at(12), 0, 2),
            (at(14), 2, 2),
        ]
        assert [one.attempt for one in story_of(dead, entry.logs[dead.id]).failed] == [1, 2]

    async def test_an_update_of_something_else_withdraws_nothing(self, kit: StoreKit) -> None:
        job = a_job(every(10))
        await kit.add(submission(job))
        await kit.lifecycle.update(job.id, to(at(1), description="new"), at(1))
        (updated,) = (await read_one(kit)).steers
        assert (updated.before, updated.after, updated.withdrawn) == (job.cursor, job.cursor, ())

    async def test_the_newest_jobs_come_first_and_each_once(self, kit: StoreKit) -> None:
        jobs = [minted(number) for number in range(250)]
        await kit.add(*map(submission, jobs))
        entries = await read(kit)
        assert [entry.job.id for entry in entries] == [job.id for job in reversed(jobs)]
        assert {len(entry.tasks) for entry in entries} == {1}

    async def test_a_query_narrows_down(self, kit: StoreKit) -> None:
        ann, bob = minted(0, user_id="ann"), minted(60, user_id="bob")
        await kit.add(submission(ann), submission(bob))
        assert (await read_one(kit, user_id="ann")).job.id == ann.id
        assert (await read_one(kit, job_id=bob.id)).job.id == bob.id
        assert await read(kit, job_id=bob.id, user_id="ann") == []
        assert (await read_one(kit, until=at(60))).job.id == ann.id
        assert [len(entry.tasks) for entry in await read(kit, since=at(60))] == [1, 0]
        await kit.jobs.cancel(ann.id, at(30))
        assert (await read_one(kit, since=at(60))).job.id == bob.id

    async def test_a_range_of_instants(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job))
        kit.agenda.extend([due(first_task(job))], at(9.5), NOW)
        entry = await read_one(kit, since=at(3), until=at(6))
        assert [task.instant for task in entry.tasks] == [at(3), at(4), at(5)]
        assert (entry.stretch.since, entry.stretch.until) == (at(3), at(6))

    async def test_ranges_that_reach_in_come_along(self, kit: StoreKit) -> None:
        job = a_job(every(1))
        await kit.add(submission(job))
        await kit.lifecycle.pause(job.id, at(1))
        await kit.lifecycle.resume(job.id, at(20))
        await kit.lifecycle.pause(job.id, at(21))
        await kit.lifecycle.resume(job.id, at(40))
        firsts: Mapping[datetime, Sequence[datetime]] = {
            at(0): [at(2), at(22)],
            at(10): [at(2), at(22)],
            at(21): [at(22)],
            at(30): [at(22)],
            at(41): [],
        }
        for since, wanted in firsts.items():
            entry = await read_one(kit, since=since)
            assert [record.range.first for record in entry.ranges] == wanted

    async def test_what_hooks_point_to_comes_along(self, kit: StoreKit) -> None:
        """Of a hook in the range: what fired it; of a step in the range: the hook that it fired."""
        job = a_job(every(10), ON_SUCCESS)
        await kit.add(submission(job))
        kit.time.now = at(10)
        claim = await kit.claim(first_task(job))
        await kit.commit(claim, retry(due_at=at(50)))
        kit.time.now = at(50)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        (hook,) = await kit.hooks_of(job.id)
        of_step = await read_one(kit, until=at(11))
        assert [task.id for task in of_step.tasks] == [first_task(job).id]
        assert [*of_step.related] == [hook.id]
        of_hook = await read_one(kit, since=at(11))
        assert hook.id in {task.id for task in of_hook.tasks}
        assert [*of_hook.related] == [first_task(job).id]
        assert len(of_hook.logs[first_task(job).id]) == 1

    async def test_what_misfires_point_to_comes_along(self, kit: StoreKit) -> None:
        skip = Misfire(policy=MisfirePolicy.SKIP, grace=SECOND)
        job = a_job(every(10), ON_MISFIRE, misfire=skip)
        await kit.add(submission(job))
        kit.agenda.extend([due(first_task(job))], at(100), at(100))
        (hook,) = await kit.hooks_of(job.id)
        assert hook.step == Trigger.ON_MISFIRE
        early = await read_one(kit, until=at(50))
        assert [*early.related] == [hook.id]
        late = await read_one(kit, since=at(99))
        assert hook.id in {task.id for task in late.tasks}
        assert first_task(job).id in late.related

    async def test_the_same_again_is_as_it_is_by_now(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        entry = await read_one(kit)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        again = await kit.ledger.again(entry)
        assert again and [task.status for task in again.tasks] == [TaskState.SUCCEEDED]
        assert again.job.status is JobState.ACTIVE and again.ended_at == at(1)

    async def test_a_job_that_is_gone_is_not_there_again(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        entry = await read_one(kit)
        await kit.commit(await kit.claim(first_task(job)), succeed())
        await kit.jobs.complete_solo([job.id], at(2))
        assert (await kit.retention.expire(at(1) + timedelta(days=99), 9)).jobs == 1
        assert await kit.ledger.again(entry) is None

    async def test_ancestors_that_were_cancelled(self, kit: StoreKit) -> None:
        parent = a_job()
        child = child_of(parent)
        await kit.add(submission(parent), submission(child))
        assert [entry.ancestor_cancelled_at for entry in await read(kit)] == [None, None]
        await kit.jobs.cancel(parent.id, at(7))
        told = {entry.job.id: entry.ancestor_cancelled_at for entry in await read(kit)}
        assert told == {parent.id: None, child.id: at(7)}

    async def test_vitals_tell_how_long_somebody_has_led(self, kit: StoreKit) -> None:
        assert (await kit.ledger.vitals(LOCK)).alive_until is None
        lease = kit.locks.acquire(LOCK, "a", TTL, {})
        assert lease
        kit.time.advance(5)
        kit.locks.renew(lease, TTL)
        kit.time.advance(5)
        vitals = await kit.ledger.vitals(LOCK)
        assert (vitals.now, vitals.alive_since, vitals.alive_until) == (at(10), at(0), at(10))
        kit.time.advance(40)
        vitals = await kit.ledger.vitals(LOCK)
        assert (vitals.now, vitals.alive_since, vitals.alive_until) == (at(50), at(0), at(5))
        kit.locks.acquire(LOCK, "a", TTL, {})  # the same one, but with a break
        vitals = await kit.ledger.vitals(LOCK)
        assert (vitals.alive_since, vitals.alive_until) == (at(50), at(50))

    async def test_who_gives_the_lock_back_leads_no_more(self, kit: StoreKit) -> None:
        lease = kit.locks.acquire(LOCK, "a", TTL, {})
        assert lease
        kit.time.advance(5)
        kit.locks.release(lease)
        vitals = await kit.ledger.vitals(LOCK)
        assert (vitals.now, vitals.alive_until) == (at(5), at(0))
