"""A write whose answer was lost is unknown, not failed: it is read back, or repeated without harm."""

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import AutoReconnect, NetworkTimeout, OperationFailure, ServerSelectionTimeoutError

from karya.core.errors import StoreUnavailable
from karya.core.hint import hint_of
from karya.core.ports import Claim, Commit
from karya.core.task import TaskState
from karya.core.transitions import Transition
from karya.store.settling import Settling
from karya.store.transactions import TRIES
from tests.conformance.store.kit import TTL, StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.faults import break_answers
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_FAILURE,
    a_job,
    bury,
    first_task,
    release,
    retry,
    submission,
    succeed,
)


async def claimed(kit: StoreKit) -> Claim:
    job = a_job(None, ON_FAILURE)
    await kit.add(submission(job))
    return await kit.claim(first_task(job))


# --- claims ---------------------------------------------------------------------------------------------


async def test_a_claim_whose_answer_was_lost_is_read_back(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [a_job() for _ in range(5)]
    await kit.add(*map(submission, jobs))
    await kit.claim(first_task(jobs[0]), "other")
    break_answers(monkeypatch, kit.claims, "update_many")
    claims = await kit.claims.claim([hint_of(first_task(job)) for job in jobs], "me", TTL)
    assert {claim.hint.job_id for claim in claims} == {job.id for job in jobs[1:]}
    leases = [(await kit.task(claim.hint.task_id)).lease for claim in claims]
    assert {(lease.id, lease.owner) for lease in leases if lease} == {(claims[0].lease_id, "me")}


async def test_a_claim_that_never_arrived_wins_nothing(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job()
    await kit.add(submission(job))
    break_answers(monkeypatch, kit.claims, "update_many", done=False)
    assert not await kit.claims.claim([hint_of(first_task(job))], "me", TTL)
    assert (await kit.task(first_task(job))).status is TaskState.READY


async def test_a_claim_that_arrives_after_its_failure_was_read_wins_nothing(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The token was raised meanwhile: nobody runs under a lease of which its owner does not know."""
    job = a_job()
    await kit.add(submission(job))
    hint = hint_of(first_task(job))
    with monkeypatch.context() as breaking:
        break_answers(breaking, kit.claims, "update_many", done=False)
        assert not await kit.claims.claim([hint], "me", TTL)
    assert not await kit.claims.claim([hint], "the request that was thought lost", TTL)
    assert await kit.claims.claim([hint_of(await kit.task(first_task(job)))], "me", TTL)


async def test_what_was_won_before_the_store_went_away_counts(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, again = a_job(), a_job()
    await kit.add(submission(fresh), submission(again))
    await kit.commit(await kit.claim(first_task(again)), release())
    hints = [hint_of(first_task(fresh)), hint_of(await kit.task(first_task(again)))]
    claim_group = kit.claims._claim_group  # type: ignore[attr-defined]

    async def gone(token: int, group: dict[str, object], *rest: object) -> object:
        if first_task(again).id in group:
            raise AutoReconnect("connection closed")
        return await claim_group(token, group, *rest)

    monkeypatch.setattr(kit.claims, "_claim_group", gone)
    (claim,) = await kit.claims.claim(hints, "me", TTL)
    assert claim.hint.job_id == fresh.id


# --- commits --------------------------------------------------------------------------------------------


async def test_successes_whose_answer_was_lost_are_repeated_without_harm(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = [await claimed(kit) for _ in range(4)]
    commits = [Commit(claim.hint.task_id, claim.lease_id, succeed("7")) for claim in claims]
    break_answers(monkeypatch, kit.commits, "bulk_write")
    with pytest.raises(StoreUnavailable):
        await kit.commits.commit(commits, NOW)
    assert await kit.commits.commit(commits, NOW) == frozenset()
    assert {(await kit.task(claim.hint.task_id)).status for claim in claims} == {TaskState.SUCCEEDED}


@pytest.mark.parametrize("move", [retry(), bury(), release()], ids=lambda move: move.move)
async def test_a_transaction_whose_answer_was_lost_is_repeated_without_harm(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, move: Transition
) -> None:
    claim = await claimed(kit)
    commit = AsyncIOMotorClientSession.commit_transaction

    async def unheard(session: AsyncIOMotorClientSession) -> None:
        await commit(session)
        raise AutoReconnect("connection closed", {"errorLabels": ["UnknownTransactionCommitResult"]})

    with monkeypatch.context() as broken:
        broken.setattr(AsyncIOMotorClientSession, "commit_transaction", unheard)
        with pytest.raises(StoreUnavailable):
            await kit.commit(claim, move)
    before = await kit.tasks_of(claim.hint.job_id), await kit.errors_of(claim.hint.job_id)
    assert not await kit.commit(claim, move)
    assert (
        await kit.tasks_of(claim.hint.job_id),
        await kit.errors_of(claim.hint.job_id),
    ) == before
    assert before[0][-1].status is move.target or before[0][0].status is move.target


async def test_a_transaction_that_fails_half_way_writes_nothing(kit: StoreKit, mongo: Mongo) -> None:
    """The hook's id is taken already: neither the log nor the dead letter may stay."""
    claim = await claimed(kit)
    await kit.commit(claim, bury())
    wanted = {"_id": claim.hint.task_id}
    mongo.blocking.tasks.update_one(wanted, {"$set": {"status": "RUNNING"}})
    mongo.blocking.error_logs.delete_many({})
    with pytest.raises(StoreUnavailable):
        await kit.commit(claim, bury("again"))
    assert (await kit.task(claim.hint.task_id)).status is TaskState.RUNNING
    assert not await kit.errors_of(claim.hint.job_id)


@pytest.mark.parametrize("failures, stored", [(TRIES - 1, True), (TRIES, False)])
async def test_a_write_conflict_is_tried_again_so_many_times(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, failures: int, stored: bool
) -> None:
    claim = await claimed(kit)
    conflict = OperationFailure("WriteConflict", 112, {"errorLabels": ["TransientTransactionError"]})
    broken = break_answers(monkeypatch, kit.commits, "bulk_write", failures, done=False, error=conflict)
    if stored:
        assert not await kit.commit(claim, bury())
    else:
        with pytest.raises(StoreUnavailable):
            await kit.commit(claim, bury())
    assert broken.left == 0
    assert len(await kit.tasks_of(claim.hint.job_id)) == (2 if stored else 1)


@pytest.mark.parametrize("kind", [ServerSelectionTimeoutError, NetworkTimeout])
async def test_a_store_that_does_not_answer_is_waited_for_once(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, kind: type[AutoReconnect]
) -> None:
    claim = await claimed(kit)
    gone = kind("no answer", {"errorLabels": ["TransientTransactionError"]})
    broken = break_answers(monkeypatch, kit.commits, "bulk_write", TRIES, done=False, error=gone)
    with pytest.raises(StoreUnavailable):
        await kit.commit(claim, bury())
    assert broken.left == TRIES - 1


# --- jobs -----------------------------------------------------------------------------------------------


async def test_a_submit_whose_answer_was_lost_is_repeated_without_harm(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = [a_job() for _ in range(3)]
    break_answers(monkeypatch, kit.jobs, "insert_many", done=False)
    with pytest.raises(StoreUnavailable):
        await kit.add(*map(submission, jobs))
    assert [await kit.jobs.get(job.id) for job in jobs] == [None] * 3
    await kit.add(*map(submission, jobs))
    await kit.add(*map(submission, jobs))
    assert [await kit.jobs.get(job.id) for job in jobs] == jobs


async def test_a_completion_cut_before_its_hooks_leaves_the_job_active(
    kit: StoreKit, mongo: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(None, ON_COMPLETION)
    await kit.add(submission(job))
    await kit.commit(await kit.claim(first_task(job)), succeed())
    with monkeypatch.context() as broken:
        settling = Settling(mongo.asynchronous)
        break_answers(broken, settling, "insert_many", done=False)
        with pytest.raises(StoreUnavailable):
            await settling.settle([job.id], NOW)
    assert [ident for _, ident in await kit.jobs.unsettled(NOW + TTL, None, 9)] == [job.id]
    await kit.jobs.settle([job.id], NOW)
    assert len(await kit.tasks_of(job.id)) == 2
