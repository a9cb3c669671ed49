"""The janitor takes tasks from the dead, and ends jobs whose end was lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from karya.actors import janitor as room
from karya.actors.janitor import Janitor
from karya.actors.metrics import ServerMetrics
from karya.actors.server.steering import Steering
from karya.core.action import Action, NoopAction
from karya.core.errors import Conflict, StoreRefuses, StoreUnavailable
from karya.core.hint import hint_of
from karya.core.job import Job, JobState, new_job
from karya.core.policies import Overlap
from karya.core.retry import RetryPolicy
from karya.core.schedule import Once
from karya.core.spec import JobSpec
from karya.core.task import TaskState
from karya.store.client import translated
from tests.conformance.store.kit import TTL, StoreKit
from tests.conformance.store.limits import Crowd, concurrency
from tests.support.away import Away
from tests.support.held_clock import HeldClock
from tests.support.mongo import Mongo
from tests.support.soon import soon
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_FAILURE,
    a_job,
    at,
    cancel,
    child_of,
    due,
    every,
    first_task,
    submission,
    succeed,
)


class Sweeps:
    """A janitor, and whatever it told the scheduler."""

    def __init__(self, kit: StoreKit, claims: Any = None) -> None:
        self.pokes: list[datetime] = []
        self.metrics = ServerMetrics()
        interval, clock = timedelta(milliseconds=10), HeldClock(kit.time)
        steering = Steering(kit.jobs, kit.tasks, kit.lifecycle, clock, self.metrics, self.pokes.append)
        self.cancel = steering.cancel
        self.janitor = Janitor(
            claims or kit.claims,
            kit.commits,
            kit.jobs,
            kit.slots,
            clock,
            interval,
            self.metrics,
            self.cancel,
            self.pokes.append,
        )

    @property
    def reaped(self) -> float | None:
        return self.metrics.registry.get_sample_value("karya_tasks_reaped_total")

    @asynccontextmanager
    async def going_round(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.janitor.run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


def job_with(attempts: int, *hooks: Any) -> Job:
    retry = RetryPolicy(max_attempts=attempts)
    spec = JobSpec[Action](schedule=Once(at=NOW), action=NoopAction(), hooks=hooks, retry=retry)
    return new_job(spec, NOW)


async def status(kit: StoreKit, job: Job) -> JobState:
    stored = await kit.jobs.get(job.id)
    assert stored is not None
    return stored.status


async def test_it_reaps_what_expired_and_nothing_else(kit: StoreKit) -> None:
    sweeps = Sweeps(kit)
    expired, renewed, waiting = jobs = [a_job() for _ in range(3)]
    await kit.add(*map(submission, jobs))
    await kit.claim(first_task(expired))
    lease = await kit.claim(first_task(renewed))
    kit.time.now += TTL
    await kit.claims.renew({first_task(renewed).id: lease.lease_id}, TTL)
    await sweeps.janitor.sweep()
    states = [(await kit.task(first_task(job))).status for job in jobs]
    assert states == [TaskState.READY, TaskState.RUNNING, TaskState.READY]
    task = await kit.task(first_task(expired))
    assert task.due_at >= kit.time.now + timedelta(seconds=1)
    assert task.attempts == 1
    assert (task.first_started_at, task.first_due_at) == (NOW, first_task(expired).due_at), "as claimed"
    assert task.error is not None
    assert task.error.startswith("the lease expired")
    assert (await kit.task(first_task(waiting))).error is None
    assert sweeps.reaped == 1
    assert sweeps.pokes == [kit.time.now]
    await sweeps.janitor.sweep()
    assert sweeps.reaped == 1


async def test_one_that_was_renewed_after_it_was_seen_is_left(kit: StoreKit) -> None:
    job = a_job()
    await kit.add(submission(job))
    lease = await kit.claim(first_task(job))
    kit.time.now += TTL
    claims = Away(kit.claims)
    seen = await kit.claims.expired(9)

    async def expired(limit: int) -> Any:
        await kit.claims.renew({first_task(job).id: lease.lease_id}, TTL)
        return seen

    claims.expired = expired  # type: ignore[attr-defined]
    sweeps = Sweeps(kit, claims)
    await sweeps.janitor.sweep()
    assert (await kit.task(first_task(job))).status is TaskState.RUNNING
    assert (sweeps.reaped, sweeps.pokes) == (0, [])


async def test_the_last_attempt_is_buried_and_its_hooks_fired(kit: StoreKit) -> None:
    sweeps = Sweeps(kit)
    job = job_with(2, ON_FAILURE, ON_COMPLETION)
    await kit.add(submission(job))
    for state in (TaskState.READY, TaskState.DEAD):
        kit.time.now = max(kit.time.now, (await kit.task(first_task(job))).due_at)
        await kit.claim(first_task(job))
        kit.time.now += TTL
        await sweeps.janitor.sweep()
        assert (await kit.task(first_task(job))).status is state
    assert (await kit.task(first_task(job))).reason == "attempt 2 of 2 failed"
    steps = sorted(task.step for task in await kit.tasks_of(job.id))
    assert steps == ["ON_COMPLETION", "ON_FAILURE", "main"]
    assert await status(kit, job) is JobState.COMPLETED
    assert len(await kit.errors_of(job.id)) == 2


async def test_more_than_one_batch_is_reaped_in_one_sweep(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_BATCH", 3)
    jobs = [a_job() for _ in range(7)]
    await kit.add(*map(submission, jobs))
    for job in jobs:
        await kit.claim(first_task(job))
    kit.time.now += TTL
    sweeps = Sweeps(kit)
    await sweeps.janitor.sweep()
    assert sweeps.reaped == 7


async def test_jobs_whose_end_was_lost_are_settled_batch_by_batch(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_BATCH", 2)
    # In the order in which they are swept: the ids of jobs made in one millisecond sort by chance.
    jobs = sorted((job_with(4, ON_COMPLETION) for _ in range(5)), key=lambda job: job.id)
    await kit.add(*map(submission, jobs))
    lost = [jobs[0], jobs[4]]
    for job in lost:
        await kit.commit(await kit.claim(first_task(job)), succeed())
    sweeps = Sweeps(kit)
    await sweeps.janitor.sweep()
    assert await status(kit, lost[0]) is JobState.ACTIVE, "its worker may be about to settle it"
    kit.time.advance(11)
    for _ in range(3):
        await sweeps.janitor.sweep()
    assert [await status(kit, job) for job in lost] == [JobState.COMPLETED] * 2
    assert [await status(kit, job) for job in jobs[1:4]] == [JobState.ACTIVE] * 3
    assert sweeps.pokes == [kit.time.now] * 2
    await kit.commit(await kit.claim(first_task(jobs[1])), succeed())
    for _ in range(2):
        await sweeps.janitor.sweep()
    assert await status(kit, jobs[1]) is JobState.COMPLETED, "it goes round"


async def test_it_goes_on_after_the_store_was_away(kit: StoreKit) -> None:
    job = a_job()
    await kit.add(submission(job))
    await kit.claim(first_task(job))
    kit.time.now += TTL
    claims = Away(kit.claims, "expired", left=2)
    sweeps = Sweeps(kit, claims)
    async with sweeps.going_round():
        await soon(lambda: sweeps.reaped == 1)
        await soon(lambda: claims.calls > 4)


async def test_a_slot_that_nobody_gave_back_is_freed(kit: StoreKit) -> None:
    sweeps = Sweeps(kit)
    job = a_job(every(1), overlap=Overlap.QUEUE)
    await kit.add(submission(job))
    kit.time.now = at(1)
    first = first_task(job)
    kit.admissions.admit([hint_of(first)], kit.time.now)
    (second,) = [task.hint for task in kit.agenda.extend([due(first)], at(2), at(1)).made][:1]
    kit.time.now = at(2)
    kit.admissions.admit([second], kit.time.now)
    await kit.commit(await kit.claim(first), succeed())  # and its worker dies before it gives the slot back
    assert (await kit.task(second.task_id)).held
    await sweeps.janitor.sweep()
    assert (await kit.task(second.task_id)).held, "its worker may be about to"
    kit.time.advance(11)
    await sweeps.janitor.sweep()
    assert not (await kit.task(second.task_id)).held
    assert sweeps.pokes == [kit.time.now]


async def test_a_cancel_whose_server_died_half_way_is_finished(kit: StoreKit) -> None:
    sweeps = Sweeps(kit)
    parent = a_job(every(1))
    child = child_of(parent)
    await kit.add(submission(parent), submission(child))
    await kit.jobs.cancel(parent.id, NOW)  # and its server dies before it comes to the tasks
    await sweeps.janitor.sweep()
    assert (await kit.task(first_task(parent))).status is TaskState.READY, "its server may be about to"
    kit.time.advance(11)
    await sweeps.janitor.sweep()
    assert await status(kit, child) is JobState.CANCELLED
    states = [(await kit.task(first_task(job))).status for job in (parent, child)]
    assert states == [TaskState.CANCELLED] * 2
    assert await kit.jobs.half_cancelled(kit.time.now, None, 9) == []


async def test_a_descendant_that_nobody_understands_keeps_no_other_from_being_cancelled(
    kit: StoreKit, mongo: Mongo
) -> None:
    """And it is cancelled as soon as somebody does."""
    sweeps = Sweeps(kit)
    parent, other = a_job(every(1)), a_job()
    odd, plain = child_of(parent), child_of(parent)
    await kit.add(*map(submission, (parent, odd, plain, other)))
    schedule = mongo.blocking.jobs.find_one({"_id": odd.id}, {"schedule": 1})
    mongo.blocking.jobs.update_one({"_id": odd.id}, {"$set": {"schedule": '{"kind": "of a later version"}'}})
    with pytest.raises(Conflict, match=f"1 of the jobs .* cannot be read .* others are: {odd.id}"):
        await sweeps.cancel(parent.id)
    await kit.jobs.cancel(other.id, NOW)  # and its server dies
    kit.time.advance(11)
    with capture_logs() as logs:
        await sweeps.janitor.sweep()
    told = [(line["event"], line["job"]) for line in logs]
    assert set(told) == {("cancel_failed", parent.id), ("cancel_finished", other.id)}
    assert await status(kit, plain) is JobState.CANCELLED
    ended = [(await kit.task(first_task(job))).status for job in (parent, plain, other)]
    assert ended == [TaskState.CANCELLED] * 3
    assert await kit.jobs.half_cancelled(kit.time.now, None, 9) == [(NOW, parent.id)]
    mongo.blocking.jobs.update_one({"_id": odd.id}, {"$set": schedule or {}})
    await sweeps.janitor.sweep()
    assert await status(kit, odd) is JobState.CANCELLED
    assert await kit.jobs.half_cancelled(kit.time.now, None, 9) == []


CHORES = {
    "reaping": ("claims", "expired"),
    "settling": ("jobs", "unsettled"),
    "cancels": ("jobs", "half_cancelled"),
    "slots": ("slots", "abandoned"),
}
"""The ports and methods by which they begin."""


@pytest.mark.parametrize("chore", CHORES)
async def test_a_chore_that_fails_keeps_no_other_from_being_done(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, chore: str
) -> None:
    sweeps = Sweeps(kit)
    asked = _ask_for_nothing(kit, monkeypatch)
    port, method = CHORES[chore]
    monkeypatch.setattr(getattr(kit, port), method, _failing)
    with capture_logs() as logs:
        await sweeps.janitor.sweep()
    assert [(line["event"], line["chore"]) for line in logs] == [("chore_failed", chore)]
    assert {*asked, method} == {name for _, name in CHORES.values()}


@pytest.mark.parametrize("chore", CHORES)
async def test_a_chore_that_mongodb_refuses_keeps_no_other_from_being_done(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch, chore: str
) -> None:
    """An index is missing, say: it will be at the next sweep, too."""
    asked = _ask_for_nothing(kit, monkeypatch)
    port, method = CHORES[chore]
    monkeypatch.setattr(getattr(kit, port), method, _refused(mongo))
    with pytest.raises(StoreRefuses):
        await Sweeps(kit).janitor.sweep()
    assert {*asked, method} == {name for _, name in CHORES.values()}


async def test_no_chore_waits_again_for_a_store_that_is_away(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = _ask_for_nothing(kit, monkeypatch)
    with pytest.raises(StoreUnavailable):
        await Sweeps(kit, Away(kit.claims, "expired", left=1)).janitor.sweep()
    assert asked == []


async def test_a_cancel_that_mongodb_refuses_keeps_no_other_from_being_finished(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [a_job(), a_job()]
    await kit.add(*map(submission, jobs))
    for number, job in enumerate(jobs):
        await kit.jobs.cancel(job.id, at(number))  # and its server dies
    kit.time.advance(20)
    sweeps, real, refused = Sweeps(kit), kit.tasks.cancel_of_job, _refused(mongo)

    async def cancel_of_job(job_id: str, now: datetime) -> Any:
        return await (refused() if job_id == jobs[0].id else real(job_id, now))

    monkeypatch.setattr(kit.tasks, "cancel_of_job", cancel_of_job)
    await sweeps.janitor.sweep()
    states = [(await kit.task(first_task(job))).status for job in jobs]
    assert states == [TaskState.READY, TaskState.CANCELLED]


async def test_cancels_that_cannot_be_finished_keep_no_other_from_being_finished(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many of them began before it."""
    monkeypatch.setattr(room, "_BATCH", 2)
    *odd, plain = jobs = [a_job() for _ in range(5)]
    children = [child_of(job) for job in odd]
    await kit.add(*map(submission, (*jobs, *children)))
    for number, job in enumerate(jobs):
        await kit.jobs.cancel(job.id, at(number))  # and its server dies
    unknown = {"$set": {"schedule": '{"kind": "of a later version"}'}}
    mongo.blocking.jobs.update_many({"_id": {"$in": [child.id for child in children]}}, unknown)
    kit.time.advance(20)
    sweeps = Sweeps(kit)
    for _ in range(3):
        await sweeps.janitor.sweep()
    assert (await kit.task(first_task(plain))).status is TaskState.CANCELLED
    left = [job.id for job in odd]
    assert [ident for _, ident in await kit.jobs.half_cancelled(kit.time.now, None, 9)] == left
    with capture_logs() as logs:
        await sweeps.janitor.sweep()
    assert [line["job"] for line in logs] == left[:2], "it goes round"


def _ask_for_nothing(kit: StoreKit, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Has every chore find nothing to do; returns where it is noted which of them asked."""
    asked: list[str] = []
    for port, method in CHORES.values():
        monkeypatch.setattr(getattr(kit, port), method, _noted(asked, method))
    return asked


def _refused(mongo: Mongo) -> Any:
    async def refused(*_: Any) -> Any:
        with translated():
            await mongo.asynchronous.tasks.find({"a": 1}).hint("no such index").to_list(None)

    return refused


def _noted(asked: list[str], name: str) -> Any:
    async def answer(*_: Any) -> list[Any]:
        asked.append(name)
        return []

    return answer


async def _failing(*_: Any) -> Any:
    raise KeyError("of a later version")


async def test_a_child_that_was_stored_while_its_parent_was_cancelled_is_cancelled_too(kit: StoreKit) -> None:
    """Its worker was cut off before it could see that for itself."""
    sweeps = Sweeps(kit)
    parent = a_job()
    await kit.add(submission(parent))
    claim = await kit.claim(first_task(parent))
    await sweeps.cancel(parent.id)
    child = child_of(parent)
    await kit.add(submission(child))
    await kit.commit(claim, cancel())
    kit.time.advance(11)
    await sweeps.janitor.sweep()
    assert await status(kit, child) is JobState.CANCELLED
    assert (await kit.task(first_task(child))).status is TaskState.CANCELLED
    kit.time.advance(11)
    await sweeps.janitor.sweep()
    assert await kit.jobs.half_cancelled(kit.time.now, None, 9) == []


async def test_what_waits_for_the_seat_of_a_dead_worker_is_let_go_when_its_task_is_reaped(
    kit: StoreKit,
) -> None:
    sweeps, crowd = Sweeps(kit), Crowd(kit)
    await crowd.jobs(2, concurrency=concurrency(1))
    await crowd.claim()  # and dies
    kit.time.advance(TTL.total_seconds() - 1)
    await sweeps.janitor.sweep()
    assert kit.limits.wake().tasks == 0
    kit.time.advance(2)
    await sweeps.janitor.sweep()
    assert sweeps.pokes
    assert kit.limits.wake().tasks == 1
