"""A change of a job that was paused for long, or has much that waits: it takes its time, and has it."""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.core.job import Job
from karya.core.occurrence import occurrence_tasks, triggered
from karya.core.remaking import Arrears, arrears
from karya.core.settings import StoreSettings
from karya.store import revising
from karya.store.client import async_database
from karya.store.lifecycle import MongoLifecycle
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.revisions import interval, to
from tests.support.commands import RECORDER
from tests.support.mongo import Mongo
from tests.support.story import NOW, a_job, at, every, submission

_TIMEOUT = timedelta(seconds=1)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs whose instants were counted, which takes longer than the store is waited for."""
    jobs = list[Job]()

    def slow(job: Job, taken: Any, now: datetime) -> Arrears:
        jobs.append(job)
        time.sleep(1.5 * _TIMEOUT.total_seconds())
        return arrears(job, taken, now)

    monkeypatch.setattr(revising, "arrears", slow)
    return jobs


async def test_counting_is_no_part_of_the_time_that_the_store_has(
    kit: StoreKit, mongo: Mongo, mongod_url: str, counted: list[Job]
) -> None:
    job = a_job(every(2))
    await kit.jobs.submit([submission(job)])
    await kit.lifecycle.pause(job.id, at(1))
    settings = StoreSettings(database=mongo.asynchronous.name, timeout=_TIMEOUT)
    impatient = async_database(settings, mongod_url)
    try:
        await MongoLifecycle(impatient).update(job.id, to(at(7), schedule=interval(5)), at(7))
    finally:
        impatient.client.close()
    assert len(counted) == 1
    (skipped,) = (await kit.history_of(job.id)).skipped
    assert (skipped.range.first, skipped.range.last) == (at(4), at(6))


async def test_nothing_is_counted_where_the_schedule_stays(kit: StoreKit, counted: list[Job]) -> None:
    job = a_job(every(2))
    await kit.jobs.submit([submission(job)])
    await kit.lifecycle.pause(job.id, at(1))
    changed = await kit.lifecycle.update(job.id, to(at(7), description="another"), at(7))
    assert (changed.description, counted) == ("another", [])


async def test_what_was_counted_is_worth_nothing_once_the_job_has_changed(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(every(2))
    await kit.jobs.submit([submission(job)])
    await kit.lifecycle.pause(job.id, at(1))
    cursors = list[datetime]()

    def overtaken(found: Job, taken: Any, now: datetime) -> Arrears:
        cursors.append(found.cursor.at)
        if len(cursors) == 1:
            went_on = {"$set": {"cursor.at": at(4), "cursor.count": 2}}
            mongo.blocking["jobs"].update_one({"_id": job.id}, went_on)
        return arrears(found, taken, now)

    monkeypatch.setattr(revising, "arrears", overtaken)
    await kit.lifecycle.update(job.id, to(at(7), schedule=interval(5)), at(7))
    assert cursors == [at(2), at(4)]


async def test_a_long_backlog_is_no_long_transaction(kit: StoreKit) -> None:
    """One command after the other would take longer than the store is waited for."""
    job = a_job(every(60))
    waiting = [task for n in range(1_100) for task in occurrence_tasks(job, triggered(f"r{n}", NOW), NOW)]
    await kit.jobs.submit([submission(job, *waiting)])
    with RECORDER.recorded() as said:
        await kit.lifecycle.update(job.id, to(at(7), description="another"), at(7))
    assert (
        len([command for command in said if "tasks" in (command.get("insert"), command.get("delete"))]) == 2
    )
    counts = Counter([(await kit.task(task)).job_version for task in waiting])
    assert counts == {2: 999, 1: 101}, "one more was scheduled"
