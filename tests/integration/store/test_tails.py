"""Several occurrences are made at once, and their job is not read for each of them."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from karya.core.job import Job
from karya.core.ports import DueTask, Extension
from karya.store import tails
from karya.store.agenda import MongoAgenda
from tests.conformance.store.agenda import instants, seconds
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.revisions import interval, to
from tests.integration.store.conftest import Mongo
from tests.support.story import a_job, at, every, submission

AHEAD = timedelta(seconds=2)


class Scheduler:
    """Sees every task once, as far ahead as the real one looks, and counts how often jobs are read."""

    def __init__(self, kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> None:
        self._kit = kit
        self._seen = set[tuple[str, int]]()
        self.agenda = MongoAgenda(mongo.blocking)
        self.reads = 0
        chains = self.agenda._chains
        read = chains._read

        def counted(job_ids: Any) -> list[Job]:
            self.reads += 1
            return read(job_ids)

        monkeypatch.setattr(chains, "_read", counted)

    def look(self, now: datetime) -> Extension:
        """What is new at this time."""
        shown = self.agenda.due(now + AHEAD, None, 9_999)
        fresh = [task for task in shown if not self._knows(task)]
        self._seen |= {(task.hint.task_id, task.hint.token) for task in fresh}
        return self.agenda.extend(fresh, now + AHEAD, now)

    def _knows(self, task: DueTask) -> bool:
        return (task.hint.task_id, task.hint.token) in self._seen


@pytest.fixture
def scheduler(kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    return Scheduler(kit, mongo, monkeypatch)


async def test_a_job_is_read_once_for_several_occurrences(kit: StoreKit, scheduler: Scheduler) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    for second in range(20):
        scheduler.look(at(second))
        assert (await instants(kit, job))[-1] > at(second) + AHEAD
    made = await instants(kit, job)
    assert made == seconds(*range(1, len(made) + 1))
    assert scheduler.reads <= 6


async def test_what_another_version_made_is_gone_on_with(kit: StoreKit, scheduler: Scheduler) -> None:
    """Its cursor stands before that of the old one, which was known to reach far."""
    job = a_job(every(1))
    await kit.add(submission(job))
    for second in range(3):
        scheduler.look(at(second))
    was = (await instants(kit, job))[-1]
    await kit.lifecycle.update(job.id, to(at(2), schedule=interval(1.5)), at(2))
    assert (await instants(kit, job))[-1] < was
    for half in range(4, 24):
        scheduler.look(at(half / 2))
    found = [instant for instant in await instants(kit, job) if instant > at(2)]
    assert found == [at(1.5 * number) for number in range(2, len(found) + 2)]
    assert found[-1] > at(11.5) + AHEAD


@pytest.mark.parametrize("skipped, length", [(8, 1), (40, 20)])
async def test_what_was_skipped_on_request_is_not_waited_for(
    kit: StoreKit, scheduler: Scheduler, skipped: int, length: int
) -> None:
    """Once the schedule has changed, the chains come to an instant whose task nobody is going to see. Of many
    jobs some end there, whether or not several occurrences were made at once."""
    jobs = [a_job(every(skipped)) for _ in range(20)]
    await kit.add(*map(submission, jobs))
    for job in jobs:
        await kit.lifecycle.skip_next(job.id, at(0))
        await kit.lifecycle.update(job.id, to(at(0), schedule=interval(length)), at(0))
    for quarter in range(49):
        scheduler.look(at(quarter * length / 4))
    for job in jobs:
        assert (await instants(kit, job))[-1] > at(12 * length) + AHEAD


async def test_a_task_that_is_seen_late_is_looked_at(kit: StoreKit, scheduler: Scheduler) -> None:
    job = a_job(every(1))
    await kit.add(submission(job))
    scheduler.look(at(0))
    scheduler.look(at(1))
    reads = scheduler.reads
    late = [task for task in scheduler.agenda.due(at(9), None, 9) if task.hint.instant == at(3)]
    scheduler.agenda.extend(late, at(3), at(3.9))
    assert scheduler.reads == reads
    scheduler.agenda.extend(late, at(3), at(4))
    assert scheduler.reads == reads + 1


async def test_only_so_many_jobs_are_remembered(
    kit: StoreKit, scheduler: Scheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tails, "_CAPACITY", 2)
    await kit.add(*(submission(a_job(every(1))) for _ in range(5)))
    scheduler.look(at(0))
    assert len(scheduler.agenda._tails._tails) == 2
