"""What is told of what is stored, out of a real change stream."""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from datetime import timedelta
from typing import Any

import orjson
import pytest
from pymongo.errors import AutoReconnect, OperationFailure

from karya.core.errors import InvalidInput, PositionGone, StoreUnavailable
from karya.core.events import ALL_KINDS, CHANGED, MOVED, Event, EventKind
from karya.core.hint import hint_of
from karya.core.ids import new_id
from karya.core.misfire import SkipRange
from karya.core.ports import Commit
from karya.core.ports.events import EventFeed
from karya.core.ports.lifecycle import ChangeKind
from karya.core.task import TaskState
from karya.core.transitions import Transition
from karya.store.changes import change_document
from karya.store.events import MongoEventLog
from karya.store.skips import skip_document
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import (
    NOW,
    SECOND,
    a_job,
    at,
    bury,
    every,
    first_task,
    release,
    retry,
    step,
    submission,
    succeed,
    tasks_of,
)

TTL = timedelta(seconds=30)
K = EventKind


class Listening:
    """A feed, and what was read from it."""

    def __init__(self, feed: EventFeed) -> None:
        self.feed = feed

    async def next(self, count: int) -> list[Event]:
        """The next so many events, and no more than these so far."""
        events: list[Event] = []
        while len(events) < count:
            events += await self.feed.next()
        assert len(events) == count, [event.kind for event in events]
        return events

    async def kinds(self, count: int) -> list[EventKind]:
        return [event.kind for event in await self.next(count)]


class Log:
    """Opens feeds, and closes all of them in the end."""

    def __init__(self, events: MongoEventLog) -> None:
        self.events = events
        self._open: list[EventFeed] = []

    async def listen(self, kinds: Collection[EventKind] = ALL_KINDS, after: str | None = None) -> Listening:
        feed = await self.events.follow(kinds, after)
        self._open.append(feed)
        return Listening(feed)

    async def close(self) -> None:
        for feed in self._open:
            await feed.close()


@pytest.fixture
async def log(mongo: Mongo) -> AsyncIterator[Log]:
    log = Log(MongoEventLog(mongo.asynchronous))
    yield log
    await log.close()


def data(event: Event) -> Any:
    return orjson.loads(event.text)["data"]


async def claimed(kit: StoreKit, *ids: str, owner: str = "worker-1") -> Sequence[str]:
    """Claims these tasks; their leases."""
    hints = [hint_of(await kit.task(ident)) for ident in ids]
    return [claim.lease_id for claim in await kit.claims.claim(hints, owner, TTL)]


async def ended(kit: StoreKit, task_id: str, transition: Transition) -> None:
    """Claims a task that is due, and commits what became of it."""
    kit.time.now = (await kit.task(task_id)).due_at
    (lease,) = await claimed(kit, task_id)
    assert not await kit.commits.commit([Commit(task_id, lease, transition, linked=True)], kit.time.now)


async def test_a_change_that_nobody_understands_is_left_out(kit: StoreKit, log: Log, mongo: Mongo) -> None:
    """Whoever resumes before it would meet it again and again."""
    ear = await log.listen()
    odd, plain = a_job(), a_job()
    await kit.add(submission(odd))
    (before, _) = await ear.next(2)
    tasks, changes = mongo.blocking.tasks, mongo.blocking.job_changes
    tasks.update_one({"job_id": odd.id}, {"$set": {"status": "RUNNING"}})  # by hand: without an attempt
    tasks.insert_one({"_id": "of a later version", "job_id": odd.id, "status": "READY", "due_at": NOW})
    tasks.insert_one({"_id": "of another", "status": "READY", "due_at": "soon", "job_id": odd.id})
    changes.insert_one({"_id": "x", "job_id": odd.id, "kind": "of a later version"})
    await kit.add(submission(plain))
    assert {event.job_id for event in await ear.next(2)} == {plain.id}
    again = await log.listen(after=before.position)
    assert {event.job_id for event in (await again.next(3))[1:]} == {plain.id}


async def test_an_event_says_what_happened_to_whom(kit: StoreKit, log: Log) -> None:
    ear = await log.listen()
    job = a_job(user_id="ann")
    task = first_task(job)
    await kit.add(submission(job))
    await ended(kit, task.id, succeed())
    submitted, scheduled, claim, success = await ear.next(4)
    assert (submitted.kind, scheduled.kind, claim.kind) == (K.JOB_SUBMITTED, K.TASK_SCHEDULED, K.TASK_CLAIMED)
    assert {(event.user_id, event.job_id) for event in (submitted, scheduled, claim, success)} == {
        ("ann", job.id)
    }
    told = orjson.loads(success.text)
    assert told.pop("time").endswith("Z")
    assert told == {
        "specversion": "1.0",
        "id": success.position,
        "source": f"/v1/jobs/{job.id}",
        "type": "karya.task.succeeded",
        "subject": task.id,
        "datacontenttype": "application/json",
        "data": {
            "job_id": job.id,
            "user_id": "ann",
            "task": {
                "id": task.id,
                "kind": "step",
                "step": "main",
                "cause": "at:2026-11-23T08:00:00.000Z",
                "instant": "2026-11-23T08:00:00.000Z",
            },
            "finished_at": "2026-11-23T08:00:01.000Z",
        },
    }
    assert data(claim)["attempt"] == 1
    assert data(claim)["worker"] == "worker-1"
    assert data(scheduled)["due_at"] == "2026-11-23T08:00:00.000Z"
    assert orjson.loads(submitted.text)["subject"] == job.id


async def test_every_move_of_a_task_is_told(kit: StoreKit, log: Log) -> None:
    job = a_job(steps=[step("a"), step("b", "a"), step("c", "a", "b")])
    await kit.add(submission(job))
    a, b, _ = [task.id for task in tasks_of(job)]
    ear = await log.listen(MOVED.values())
    told: list[tuple[str, EventKind]] = []

    async def hear(count: int) -> None:
        told.extend((data(event)["task"]["step"], event.kind) for event in await ear.next(count))

    await ended(kit, a, release())
    await ended(kit, a, retry(due_at=at(0)))
    await ended(kit, a, retry(due_at=at(0)))  # nothing but the state differs from before
    await ended(kit, a, bury())
    await hear(10)
    told[-2:] = sorted(told[-2:])
    assert told == [
        *[("a", K.TASK_CLAIMED), ("a", K.TASK_RELEASED)],
        *[("a", K.TASK_CLAIMED), ("a", K.TASK_RETRYING)] * 2,
        *[("a", K.TASK_CLAIMED), ("a", K.TASK_DEAD_LETTERED)],
        *[("b", K.TASK_SKIPPED), ("c", K.TASK_SKIPPED)],
    ]
    told.clear()
    await kit.letters.redrive(a, kit.time.now)
    await hear(3)
    told[-2:] = sorted(told[-2:])
    assert told == [("a", K.TASK_REDRIVEN), *[(name, K.TASK_REOPENED) for name in ("b", "c")]]
    told.clear()
    await ended(kit, a, succeed())
    await ended(kit, b, bury())
    await kit.letters.discard(b, kit.time.now)
    await hear(7)
    assert told == [
        *[("a", K.TASK_CLAIMED), ("a", K.TASK_SUCCEEDED), ("b", K.TASK_UNBLOCKED)],
        *[("b", K.TASK_CLAIMED), ("b", K.TASK_DEAD_LETTERED), ("c", K.TASK_SKIPPED)],
        ("b", K.TASK_DISCARDED),
    ]
    other = a_job()
    await kit.add(submission(other))
    await kit.tasks.cancel_of_job(other.id, kit.time.now)
    assert await ear.kinds(1) == [K.TASK_CANCELLED]


async def test_every_change_of_a_job_is_told(kit: StoreKit, log: Log, mongo: Mongo) -> None:
    ear = await log.listen({*CHANGED.values(), K.JOB_COMPLETED, K.JOB_INSTANTS_SKIPPED})
    job = a_job(every(60), user_id="ann")
    await kit.add(submission(job))
    now = NOW + SECOND
    await kit.lifecycle.pause(job.id, now)
    await kit.lifecycle.resume(job.id, now)
    await kit.lifecycle.trigger(job.id, new_id(NOW), now)
    await kit.lifecycle.skip_next(job.id, now)
    await kit.lifecycle.update(job.id, lambda old: old.model_copy(update={"version": old.version + 1}), now)
    await kit.jobs.cancel(job.id, now)
    heard = await ear.next(6)
    assert [event.kind for event in heard] == [
        CHANGED[kind]
        for kind in (
            *(ChangeKind.PAUSED, ChangeKind.RESUMED, ChangeKind.TRIGGERED),
            *(ChangeKind.SKIPPED_NEXT, ChangeKind.UPDATED, ChangeKind.CANCELLED),
        )
    ]
    assert {(event.user_id, event.job_id) for event in heard} == {("ann", job.id)}
    assert [data(event)["version"] for event in heard[-2:]] == [2, 2]

    once = a_job()
    await kit.add(submission(once))
    await kit.jobs.complete_solo([once.id], now)
    run = SkipRange(NOW, at(60), 2, "misfired")
    await mongo.asynchronous["skips"].insert_one(skip_document(job, run, now))
    completed, skipped = await ear.next(2)
    assert (completed.kind, completed.job_id) == (K.JOB_COMPLETED, once.id)
    assert data(completed)["finished_at"] == "2026-11-23T08:00:01.000Z"
    assert data(skipped) == {
        "job_id": job.id,
        "user_id": "ann",
        "first": "2026-11-23T08:00:00.000Z",
        "last": "2026-11-23T08:01:00.000Z",
        "count": 2,
        "reason": "misfired",
    }


async def test_leaders_are_told_and_their_renewals_are_not(kit: StoreKit, log: Log) -> None:
    ear = await log.listen({K.SCHEDULER_ELECTED, K.SCHEDULER_RESIGNED})
    for owner in ("scheduler@one/1", "scheduler@another-machine/2"):
        lease = kit.locks.acquire("scheduler", owner, TTL, {"endpoint": "tcp://127.0.0.1:1"})
        assert lease is not None
        assert kit.locks.renew(lease, TTL)
        kit.locks.release(lease)
    assert kit.locks.acquire("indexes", "tests", TTL, {}) is not None
    heard = await ear.next(4)
    assert [event.kind for event in heard] == [K.SCHEDULER_ELECTED, K.SCHEDULER_RESIGNED] * 2
    assert [data(event).get("owner") for event in heard[::2]] == [
        "scheduler@one/1",
        "scheduler@another-machine/2",
    ]
    assert {(event.user_id, event.job_id) for event in heard} == {(None, None)}


async def test_nothing_that_a_user_wrote_is_told(kit: StoreKit, log: Log) -> None:
    from karya.connectors.rest.request import RestAction

    ear = await log.listen()
    action = RestAction(
        type="rest", url="http://127.0.0.1/hidden", headers={"x-key": "hidden"}, body="hidden"
    )
    job = a_job(action=action, description="hidden", tags=("hidden",))
    await kit.add(submission(job))
    await ended(kit, first_task(job).id, retry("hidden"))
    await ended(kit, first_task(job).id, succeed('"hidden"'))
    assert not [event for event in await ear.next(6) if b"hidden" in event.text]


async def test_only_the_wanted_kinds_are_read(kit: StoreKit, log: Log) -> None:
    ear = await log.listen({K.TASK_SUCCEEDED, K.TASK_RELEASED, K.JOB_PAUSED})
    job = a_job(every(60))
    await kit.add(submission(job))
    await ended(kit, first_task(job).id, retry(due_at=NOW))  # to READY, as a release is
    await ended(kit, first_task(job).id, succeed())
    await kit.lifecycle.pause(job.id, NOW)
    assert await ear.kinds(2) == [K.TASK_SUCCEEDED, K.JOB_PAUSED]


async def test_it_goes_on_behind_any_event(kit: StoreKit, log: Log) -> None:
    ear = await log.listen()
    jobs = [a_job() for _ in range(3)]
    await kit.add(*map(submission, jobs))  # all in one transaction
    for job in jobs:
        await ended(kit, first_task(job).id, succeed())
    events = await ear.next(12)
    positions = [event.position for event in events]
    assert positions == sorted(set(positions))
    for number in range(11):
        again = await log.listen(after=positions[number])
        assert await again.next(11 - number) == events[number + 1 :]
        narrow = await log.listen({K.TASK_SUCCEEDED}, positions[number])
        rest = [event for event in events[number + 1 :] if event.kind is K.TASK_SUCCEEDED]
        assert await narrow.next(len(rest)) == rest


async def test_it_goes_on_behind_a_position_that_names_no_event(kit: StoreKit, log: Log) -> None:
    ear = await log.listen({K.JOB_PAUSED})
    first = ear.feed.mark
    assert first == ear.feed.position
    job = a_job(every(60))
    await kit.add(submission(job))
    await kit.lifecycle.trigger(job.id, new_id(NOW), NOW)  # of no interest to it, but it comes by
    assert await ear.feed.next() == []
    assert first < ear.feed.mark == ear.feed.position
    await kit.lifecycle.pause(job.id, NOW)
    (paused,) = await ear.next(1)
    assert ear.feed.mark < paused.position
    for position in (first, ear.feed.mark):
        assert await (await log.listen({K.JOB_PAUSED}, position)).next(1) == [paused]


async def test_what_was_deleted_meanwhile_is_left_out(kit: StoreKit, log: Log, mongo: Mongo) -> None:
    ear = await log.listen()
    gone, kept = a_job(), a_job()
    await kit.add(submission(gone), submission(kept))
    for job in (gone, kept):
        await ended(kit, first_task(job).id, succeed())
    await ear.next(8)
    mongo.blocking["tasks"].delete_many({"job_id": gone.id})
    later = await Log(MongoEventLog(mongo.asynchronous)).listen({K.TASK_SUCCEEDED}, ear.feed.mark)
    first = (await later.next(1))[0]
    await later.feed.close()
    assert first.job_id == kept.id


@pytest.mark.parametrize(
    "after", ["", "nonsense", "82", "A" * 40, "826b0a3c8c0000000d2b0229296e04", "82" + "F" * 40]
)
async def test_what_is_no_position_is_refused(log: Log, after: str) -> None:
    with pytest.raises(InvalidInput, match="after: no position"):
        await log.listen(after=after)


async def test_it_goes_on_with_other_kinds_than_before(kit: StoreKit, log: Log) -> None:
    ear = await log.listen({K.JOB_SUBMITTED})
    job = a_job(every(60))
    await kit.add(submission(job))
    (submitted,) = await ear.next(1)
    await kit.lifecycle.pause(job.id, NOW)
    other = await log.listen({K.TASK_SCHEDULED, K.JOB_PAUSED}, submitted.position)
    assert await other.kinds(2) == [K.TASK_SCHEDULED, K.JOB_PAUSED]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (AutoReconnect("connection closed"), StoreUnavailable),
        (OperationFailure("cursor id 1 not found", 43), StoreUnavailable),
        (OperationFailure("the resume point may no longer be in the oplog", 286), PositionGone),
    ],
)
async def test_after_an_error_it_goes_on_where_it_was(
    kit: StoreKit, log: Log, monkeypatch: pytest.MonkeyPatch, error: Exception, told: type[Exception]
) -> None:
    ear = await log.listen({K.JOB_SUBMITTED})
    jobs = [a_job(), a_job()]
    await kit.add(submission(jobs[0]))
    await ear.next(1)
    await kit.add(submission(jobs[1]))

    async def broken(_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ear.feed, "_ask", broken)
        with pytest.raises(told):
            await ear.feed.next()
    assert [event.job_id for event in await ear.next(1)] == [jobs[1].id]


async def test_a_closed_one_leaves_no_cursor(log: Log, mongo: Mongo) -> None:
    def cursors() -> int:
        status = mongo.blocking.client.admin.command("serverStatus")
        open_cursors: int = status["metrics"]["cursor"]["open"]["total"]
        return open_cursors

    before = cursors()
    ear = await log.listen()
    assert cursors() == before + 1
    await ear.feed.close()
    assert cursors() == before


async def test_blocked_tasks_are_told_as_such(kit: StoreKit, log: Log) -> None:
    ear = await log.listen({K.TASK_SCHEDULED})
    await kit.add(submission(a_job(steps=[step("a"), step("b", "a")])))
    assert [data(event)["status"] for event in await ear.next(2)] == [TaskState.READY, TaskState.BLOCKED]


async def test_one_from_now_on_knows_where_it_began_whatever_is_written_meanwhile(
    log: Log, mongo: Mongo
) -> None:
    async def write() -> None:
        while True:
            changes = [change_document("job", ChangeKind.PAUSED, number, NOW) for number in range(100)]
            await mongo.asynchronous["job_changes"].insert_many(changes)

    writing = asyncio.create_task(write())
    try:
        for _ in range(30):
            ear = await log.listen()
            assert ear.feed.position
            await ear.feed.close()
    finally:
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
