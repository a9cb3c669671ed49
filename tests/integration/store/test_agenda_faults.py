"""The agenda, interrupted inside the transaction that makes what follows."""

from collections.abc import Callable
from typing import Any

import pytest
from pymongo import WriteConcern
from pymongo.errors import AutoReconnect, BulkWriteError

from karya.core.errors import StoreUnavailable
from karya.core.job import Job, JobState
from karya.core.ports import Contended
from karya.core.task import TaskState
from tests.conformance.store.agenda import instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.story import NOW, a_job, at, due, every, first_task, submission


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
    real = getattr(chains, collection)
    monkeypatch.setattr(chains, collection, Interrupted(real, operation, event))


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
        with pytest.raises(Contended) as caught:
            kit.agenda.extend(first, at(3), NOW)
    assert caught.value.job_ids == {job.id}
    assert {task.hint.job_id for task in caught.value.made} == {other.id}
    assert {task.hint.job_id for task in kit.agenda.extend(first, at(3), NOW)} == {job.id}


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
    made = kit.agenda.extend([due(first_task(job))], at(2), NOW)
    assert [task.hint.instant for task in made] == seconds(2, 3)
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
    assert kit.agenda.stalled(at(9), at(2), 10) == 1
    assert await instants(kit, job) == seconds(1, 2, 3)


async def test_a_slow_scheduler_never_moves_the_cursor_back(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    agenda = type(kit.agenda)(mongo.blocking)  # type: ignore[call-arg]

    def overtake() -> None:
        agenda.extend([due(first_task(job))], at(8), NOW)

    interrupt(monkeypatch, kit, "_tasks", "find", overtake)
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
    with pytest.raises(StoreUnavailable):
        kit.agenda.extend([due(first_task(job))], at(3), NOW)
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
