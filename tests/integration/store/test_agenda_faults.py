"""The agenda, interrupted inside the transaction that makes what follows."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect, BulkWriteError

from karya.core import misfire
from karya.core.errors import StoreUnavailable
from karya.core.job import Job, JobState
from karya.core.policies import Misfire, MisfirePolicy
from karya.core.ports import Extension, Gap
from karya.core.schedule import Cron
from karya.core.task import TaskState
from karya.store.agenda import MongoAgenda
from tests.conformance.store.agenda import instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.story import NOW, ON_MISFIRE, a_job, at, due, every, first_task, submission


class Interrupted:
    """Stands in for a collection: something happens just before one of its operations."""

    def __init__(self, real: Any, operation: str, event: Callable[[], object]) -> None:
        self._real, self._operation, self._event = real, operation, event

    def __getattr__(self, name: str) -> Any:
        if name == self._operation:
            self._event()
        return getattr(self._real, name)


def interrupt(
    monkeypatch: pytest.MonkeyPatch,
    kit: StoreKit,
    collection: str,
    operation: str,
    event: Callable[[], object],
) -> None:
    chains = kit.agenda._chains  # type: ignore[attr-defined]
    owner = chains._skips if collection == "_skips" else chains
    monkeypatch.setattr(owner, collection, Interrupted(getattr(owner, collection), operation, event))


def crash() -> None:
    raise AutoReconnect("the scheduler dies here")


def cancel_job(mongo: Mongo, job: Job) -> None:
    """What the server writes, in its order: the job, then its tasks."""
    wanted = {"job_id": job.id, "status": "READY"}
    mongo.blocking.jobs.update_one({"_id": job.id}, {"$set": {"status": JobState.CANCELLED.value}})
    mongo.blocking.tasks.update_many(wanted, {"$set": {"status": TaskState.CANCELLED.value}})


@pytest.mark.parametrize("collection, operation", [("_tasks", "insert_many"), ("_jobs", "bulk_write")])
async def test_a_cancel_in_between_leaves_nothing_ready(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch, collection: str, operation: str
) -> None:
    job, other = a_job(every(1)), a_job(every(1))
    await kit.add(submission(job), submission(other))
    interrupt(monkeypatch, kit, collection, operation, lambda: cancel_job(mongo, job))
    kit.agenda.extend([due(first_task(job)), due(first_task(other))], at(3), NOW)
    assert {task.status for task in await kit.tasks_of(job.id)} == {TaskState.CANCELLED}
    assert {task.status for task in await kit.tasks_of(other.id)} == {TaskState.READY}
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    assert (stored.status, stored.cursor) == (JobState.CANCELLED, job.cursor)


async def test_a_job_in_the_transaction_of_a_killed_client_holds_up_no_other(
    kit: StoreKit, mongo: Mongo
) -> None:
    job, other = a_job(every(1)), a_job(every(1))
    await kit.add(submission(job), submission(other))
    first = [due(first_task(job)), due(first_task(other))]
    with mongo.blocking.client.start_session() as left_open, left_open.start_transaction():
        mongo.blocking.jobs.update_one({"_id": job.id}, {"$set": {"held": 1}}, session=left_open)
        done = kit.agenda.extend(first, at(3), NOW)
    assert (done.contended, done.moved) == ({job.id}, {other.id})
    assert {task.hint.job_id for task in done.made} == {other.id}
    assert kit.agenda.extend(first, at(3), NOW).moved == {job.id}


async def test_a_crash_between_insert_and_advance_leaves_nothing_behind(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    with monkeypatch.context() as crashing:
        interrupt(crashing, kit, "_jobs", "bulk_write", crash)
        with pytest.raises(StoreUnavailable):
            kit.agenda.extend([due(first_task(job))], at(3), NOW)
    assert await instants(kit, job) == seconds(1)
    assert await kit.jobs.get(job.id) == job
    made = kit.agenda.extend([due(first_task(job))], at(2), NOW).made
    assert [task.hint.instant for task in made] == seconds(2)
    kit.agenda.extend(made, at(5), NOW)
    assert await instants(kit, job) == seconds(*range(1, 7))


async def test_a_crash_after_the_advance_needs_nothing(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    kit.agenda.extend([due(first_task(job))], at(1), NOW)
    kit.time.advance(2)
    for task in await kit.tasks_of(job.id):
        await kit.claim(task)
    assert kit.agenda.stalled(at(9), at(2), 10).moved == {job.id}
    assert await instants(kit, job) == seconds(1, 2, 3)


async def test_a_slow_scheduler_never_moves_the_cursor_back(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    agenda = MongoAgenda(mongo.blocking, further=1)

    def overtake() -> None:
        agenda.extend([due(first_task(job))], at(8), NOW)

    interrupt(monkeypatch, kit, "_tasks", "insert_many", overtake)
    kit.agenda.extend([due(first_task(job))], at(3), NOW)
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    assert (stored.cursor.at, stored.cursor.count) == (at(9), 9)
    assert await instants(kit, job) == seconds(*range(1, 10))
    assert {task.status for task in await kit.tasks_of(job.id)} == {TaskState.READY}


async def test_an_insert_that_no_majority_acknowledged_moves_no_cursor(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise an election could leave a cursor on an instant that has no task."""
    job = a_job(every(1))
    await kit.add(submission(job))

    def unacknowledged() -> None:
        problem = {"code": 64, "errmsg": "waiting for replication timed out"}
        raise BulkWriteError({"writeErrors": [], "writeConcernErrors": [problem]})

    interrupt(monkeypatch, kit, "_tasks", "insert_many", unacknowledged)
    assert kit.agenda.extend([due(first_task(job))], at(3), NOW) == Extension(contended=frozenset([job.id]))
    assert await kit.jobs.get(job.id) == job


async def test_held_tasks_are_neither_due_nor_claimed(kit: StoreKit, mongo: Mongo) -> None:
    job = a_job()
    await kit.add(submission(job))
    (shown,) = kit.agenda.due(NOW, None, 9)
    tasks = mongo.blocking.tasks.with_options(write_concern=WriteConcern("majority"))
    tasks.update_one({"_id": first_task(job).id}, {"$set": {"held": True}})
    assert not kit.agenda.due(NOW, None, 9)
    assert not await kit.claims.claim([shown.hint], "w", at(1) - NOW)


async def test_a_cancel_before_the_insert_and_a_crash_behind_it_leave_nothing_ready(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    with monkeypatch.context() as crashing:
        interrupt(crashing, kit, "_tasks", "insert_many", lambda: cancel_job(mongo, job))
        interrupt(crashing, kit, "_jobs", "bulk_write", crash)
        with pytest.raises(StoreUnavailable):
            kit.agenda.extend([due(first_task(job))], at(1), NOW)
    for task in kit.agenda.due(at(9), None, 9):
        kit.agenda.extend([task], at(9), NOW)
    kit.agenda.stalled(at(9), at(9), 9)
    assert {task.status for task in await kit.tasks_of(job.id)} == {TaskState.CANCELLED}


# --- misfire --------------------------------------------------------------------------------------------

SKIP = Misfire(policy=MisfirePolicy.SKIP)
GAP = Gap(NOW, at(1000))


async def everything(kit: StoreKit, mongo: Mongo, job: Job) -> tuple[Any, ...]:
    """All that is stored of a job, skipped ranges and hooks included."""
    skips = list(mongo.blocking["skips"].find({"job_id": job.id}))
    return await kit.jobs.get(job.id), await kit.tasks_of(job.id), skips


@pytest.mark.parametrize(
    "collection, operation",
    [("_tasks", "insert_many"), ("_jobs", "bulk_write"), ("_skips", "find_one"), ("_skips", "insert_one")],
)
async def test_a_crash_in_a_misfire_leaves_nothing_and_the_next_does_all(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch, collection: str, operation: str
) -> None:
    job = a_job(every(10), ON_MISFIRE, misfire=SKIP)
    await kit.add(submission(job))
    before = await everything(kit, mongo, job)
    with monkeypatch.context() as crashing:
        interrupt(crashing, kit, collection, operation, crash)
        with pytest.raises(StoreUnavailable):
            kit.agenda.extend([due(first_task(job))], at(1002), GAP.until, GAP)
    assert await everything(kit, mongo, job) == before
    kit.agenda.extend([due(first_task(job))], at(1002), GAP.until, GAP)
    after = await everything(kit, mongo, job)
    assert [(s["first"], s["last"], s["count"]) for s in after[2]] == [(at(20), at(930), 92)]
    assert (await kit.task(first_task(job))).status is TaskState.SKIPPED
    assert len(await kit.hooks_of(job.id)) == 1
    kit.agenda.extend([due(first_task(job))], at(1002), GAP.until, GAP)
    assert await everything(kit, mongo, job) == after


async def test_a_range_goes_on_in_the_same_document(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(misfire, "_MOST_PASSED", 7)
    job = a_job(Cron(expression="* * * * *"), misfire=SKIP)
    await kit.add(submission(job))
    gap = Gap(NOW, at(60 * 30))
    kit.agenda.extend([due(first_task(job))], gap.until, gap.until, gap)
    while kit.agenda.catch_up([job.id], gap.until, gap.until).unfinished:
        pass
    ((_, _, (only,))) = await everything(kit, mongo, job)
    assert (only["first"], only["last"], only["count"]) == (at(120), at(60 * 28), 27)
    assert (only["reason"], only["job_version"]) == ("misfired: more than PT1M late", 1)


async def test_a_paused_job_neither_goes_on_nor_misfires(kit: StoreKit, mongo: Mongo) -> None:
    job = a_job(every(10), misfire=SKIP)
    await kit.add(submission(job))
    mongo.blocking["jobs"].update_one({"_id": job.id}, {"$set": {"status": JobState.PAUSED.value}})
    before = await everything(kit, mongo, job)
    assert kit.agenda.extend([due(first_task(job))], at(1002), GAP.until, GAP) == Extension()
    assert kit.agenda.catch_up([job.id], at(1002), GAP.until) == Extension()
    assert kit.agenda.stalled(at(999), GAP.until, 9) == Extension()
    assert await everything(kit, mongo, job) == before


async def test_an_update_in_between_is_planned_anew(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(10), misfire=SKIP)
    await kit.add(submission(job))
    allow = {"$set": {"misfire": Misfire(window=None).model_dump_json(), "version": 2}}

    def update() -> None:
        mongo.blocking["jobs"].update_one({"_id": job.id, "version": 1}, allow)

    interrupt(monkeypatch, kit, "_jobs", "bulk_write", update)
    kit.agenda.extend([due(first_task(job))], at(1002), GAP.until, GAP)
    stored, tasks, skips = await everything(kit, mongo, job)
    assert (stored.version, skips) == (2, [])
    assert {task.status for task in tasks} == {TaskState.READY}
