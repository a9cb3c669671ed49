"""Claims under limits, interrupted: nothing is taken for good, and nobody waits for ever."""

from typing import Any

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import AutoReconnect

from karya.core.errors import StoreUnavailable
from karya.core.hint import hint_of
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.store import limits
from tests.conformance.store.kit import TTL, StoreKit
from tests.conformance.store.limits import Crowd, concurrency, rate
from tests.integration.store.conftest import Mongo
from tests.support.commands import RECORDER, plans
from tests.support.faults import BreakingCollection
from tests.support.story import a_job, at, first_task, submission, succeed


def states(mongo: Mongo) -> dict[str, Any]:
    """All that a claim changes, but for when a limit was looked at."""
    fields = {"status": 1, "held": 1, "parked": 1, "token": 1, "starts": 1, "waiting": 1}
    return {name: list(mongo.blocking[name].find({}, fields).sort("_id", 1)) for name in ("tasks", "limits")}


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    "collection, operation, call",
    [("_tasks", "update_many", 0), ("_tasks", "update_many", 1), ("_gates", "update_one", 0)],
    ids=["claiming", "parking", "counting"],
)
async def test_a_claim_is_all_or_nothing(
    kit: StoreKit,
    mongo: Mongo,
    monkeypatch: pytest.MonkeyPatch,
    collection: str,
    operation: str,
    call: int,
    done: bool,
) -> None:
    crowd = Crowd(kit)
    await crowd.jobs(4, concurrency=concurrency(2), rate=rate(3))
    before, limited = states(mongo), kit.claims._limited  # type: ignore[attr-defined]
    error = RuntimeError("the worker dies here")
    real = getattr(limited, collection)
    broken = BreakingCollection(real, operation, 1, done=done, error=error)
    with monkeypatch.context() as crashing:
        passing = BreakingCollection(real, operation, 0, done=True, error=error)
        crashing.setattr(limited, collection, broken if call == 0 else Second(passing, broken))
        with pytest.raises(RuntimeError):
            await crowd.claim()
    assert states(mongo) == before
    assert len(await crowd.claim()) == 2


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
async def test_a_claim_whose_commit_was_not_answered_is_read_back(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    """Otherwise the task of a job with one attempt would be a dead letter, and never have run."""
    crowd = Crowd(kit)
    jobs = await crowd.jobs(3, concurrency=concurrency(2))
    commit = AsyncIOMotorClientSession.commit_transaction

    async def unheard(session: AsyncIOMotorClientSession) -> None:
        await (commit if done else AsyncIOMotorClientSession.abort_transaction)(session)
        raise AutoReconnect("connection closed", {"errorLabels": ["UnknownTransactionCommitResult"]})

    with monkeypatch.context() as broken:
        broken.setattr(AsyncIOMotorClientSession, "commit_transaction", unheard)
        claims = await crowd.claim()
    running = [task for job in jobs if (task := await crowd.task(job)).lease]
    assert {(claim.hint.task_id, claim.lease_id) for claim in claims} == {
        (task.id, task.lease.id) for task in running if task.lease
    }
    assert len(claims) == (2 if done else 0)
    await crowd.end(claims, succeed())
    kit.limits.wake()
    assert len(await crowd.claim()) == (1 if done else 2), "what is read anew may be claimed"


async def test_a_seat_that_is_given_back_while_others_come_to_wait_is_not_left_empty(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives it back sees nobody wait, and who comes to wait sees it taken."""
    crowd, limited = Crowd(kit), kit.claims._limited  # type: ignore[attr-defined]
    first, _ = await crowd.jobs(2, concurrency=concurrency(1))
    (claim,) = await crowd.claim([hint_of(first_task(first))])
    park = limited._park

    async def meanwhile(*args: Any) -> None:
        await park(*args)
        assert not await kit.commit(claim, succeed())

    monkeypatch.setattr(limited, "_park", meanwhile)
    assert await crowd.claim() == []
    monkeypatch.undo()
    assert kit.limits.wake().tasks == 1


class Second:
    """Stands in for a collection: the first such operation passes, the second meets the fault."""

    def __init__(self, passing: Any, broken: Any) -> None:
        self._turns = [passing]
        self._broken = broken

    def __getattr__(self, name: str) -> Any:
        if name == "update_many" and self._turns:
            return getattr(self._turns.pop(), name)
        return getattr(self._broken, name)


async def test_a_claim_that_was_lost_is_given_back_when_its_lease_runs_out(
    kit: StoreKit, mongo: Mongo
) -> None:
    crowd = Crowd(kit)
    await crowd.jobs(2, concurrency=concurrency(1))
    await crowd.claim()  # and dies
    kit.time.advance(TTL.total_seconds() + 1)
    (expired,) = await kit.claims.expired(9)
    assert mongo.blocking["limits"].count_documents({}) == 1
    assert await crowd.claim() == [], "it is RUNNING, and counts, until it is reaped"
    claim = mongo.blocking["tasks"].find_one({"_id": expired.id})
    assert claim is not None
    assert claim["status"] == TaskState.RUNNING.value


async def test_what_others_hold_does_not_keep_the_rest_from_being_claimed(
    kit: StoreKit, mongo: Mongo
) -> None:
    limited, plain = a_job(concurrency=concurrency(1)), a_job()
    await kit.add(submission(limited), submission(plain))
    hints = [hint_of(first_task(job)) for job in (limited, plain)]
    seat = {"_id": hints[0].limits.seat} if hints[0].limits else {}
    mongo.blocking["limits"].insert_one({**seat, "seq": 0})
    with mongo.blocking.client.start_session() as left_open, left_open.start_transaction():
        mongo.blocking["limits"].update_one(seat, {"$inc": {"seq": 1}}, session=left_open)
        claims = await kit.claims.claim(hints, "w", TTL)
        assert kit.limits.park(hints[:1]) == hints[:1]
        with pytest.raises(StoreUnavailable):
            await kit.claims.claim(hints[:1], "w", TTL)
    assert [claim.hint for claim in claims] == hints[1:]
    assert len(await kit.claims.claim(hints, "w", TTL)) == 1


async def test_what_is_committed_again_because_its_seat_was_not_told_of_is_not_lost(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    crowd = Crowd(kit)
    await crowd.jobs(2, concurrency=concurrency(1))
    (claim,) = await crowd.claim()
    with monkeypatch.context() as crashing:
        error = RuntimeError("the worker dies here")
        real = kit.commits._gates  # type: ignore[attr-defined]
        broken = BreakingCollection(real, "update_many", 1, done=False, error=error)
        crashing.setattr(kit.commits, "_gates", broken)
        with pytest.raises(RuntimeError):
            await kit.commit(claim, succeed())
        assert not await kit.commit(claim, succeed())
    assert kit.limits.wake().tasks == 1


async def test_many_free_seats_are_taken_by_those_who_wait_within_moments(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look lets only so many go; the next one comes before they have ended."""
    monkeypatch.setattr(limits, "_TASKS_AT_ONCE", 10)
    crowd, running = Crowd(kit), 0
    await crowd.jobs(60, concurrency=concurrency(45))
    assert kit.limits.park(crowd.due()) == []
    kit.time.advance(1)
    for _ in range(5):
        kit.limits.wake()
        running += len(await crowd.claim())
        kit.time.advance(0.1)
    assert running == 45
    assert kit.limits.wake().tasks == 0


@pytest.mark.parametrize("larger", [0, 1], ids=["no room", "room for one of the last"])
async def test_a_look_reads_no_more_of_those_that_wait_than_it_lets_go(
    kit: StoreKit, mongo: Mongo, larger: int
) -> None:
    """However many of them there are, and although they stand in front of one that may go."""
    crowd = Crowd(kit)
    first, *_ = await crowd.jobs(200, concurrency=concurrency(1))
    assert len(await crowd.claim([hint_of(first_task(first))])) == 1
    for _ in range(larger):
        await kit.add(submission(a_job(Once(at=at(1)), concurrency=concurrency(3))))
    kit.time.advance(1)
    assert kit.limits.park(crowd.due()) == []
    kit.time.advance(1)
    with RECORDER.recorded() as said:
        assert kit.limits.wake().tasks == larger
    found = plans(mongo.blocking, said)
    assert found
    assert sum(plan.keys for plan in found) < 20
