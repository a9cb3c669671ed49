"""What follows from a step is written with its end or not at all, also when the answer is lost on the way."""

from collections.abc import Sequence

import pytest
from motor.motor_asyncio import AsyncIOMotorClientSession
from pymongo.errors import AutoReconnect, OperationFailure

from karya.core.errors import StoreUnavailable
from karya.core.ports import Claim
from karya.core.steps import When
from karya.core.task import Task, TaskState
from karya.core.transitions import Transition
from karya.store.transactions import TRIES
from tests.conformance.store.kit import StoreKit
from tests.support.faults import break_answers
from tests.support.story import (
    ON_FAILURE,
    ON_SUCCESS,
    a_job,
    bury,
    cancel,
    first_task,
    step,
    submission,
    succeed,
)

ENDS = [succeed("7"), bury(), cancel()]
STEPS = [step("a"), step("b", "a"), step("c", "b", when=When.ALWAYS)]
each_end = pytest.mark.parametrize("move", ENDS, ids=lambda move: move.move)


async def claimed(kit: StoreKit) -> Claim:
    job = a_job(None, ON_SUCCESS, ON_FAILURE, steps=STEPS)
    await kit.add(submission(job))
    return await kit.claim(first_task(job))


async def story(kit: StoreKit, claim: Claim) -> tuple[Sequence[Task], int]:
    job_id = claim.hint.job_id
    return await kit.tasks_of(job_id), len(await kit.errors_of(job_id))


@each_end
async def test_an_end_whose_answer_was_lost_is_repeated_without_harm(
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
    before = await story(kit, claim)
    assert {task.step: task.status for task in before[0]}["b"] is not TaskState.BLOCKED
    kit.time.advance(1)
    assert not await kit.commit(claim, move)
    assert await story(kit, claim) == before


@pytest.mark.parametrize(
    ("move", "operation"),
    [*((move, "bulk_write") for move in ENDS), (succeed(), "insert_many"), (bury(), "insert_many")],
)
async def test_an_end_that_is_cut_half_way_leaves_nothing(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, move: Transition, operation: str
) -> None:
    claim = await claimed(kit)
    before = await story(kit, claim)
    with monkeypatch.context() as broken:
        break_answers(broken, kit.commits, operation)
        with pytest.raises(StoreUnavailable):
            await kit.commit(claim, move)
    assert await story(kit, claim) == before
    assert not await kit.commit(claim, move)
    assert (await kit.task(claim.hint.task_id)).status is move.target


async def test_steps_that_end_at_once_try_again_on_what_the_other_has_left(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await claimed(kit)
    conflict = OperationFailure("WriteConflict", 112, {"errorLabels": ["TransientTransactionError"]})
    broken = break_answers(monkeypatch, kit.commits, "bulk_write", TRIES - 1, done=False, error=conflict)
    assert not await kit.commit(claim, succeed())
    assert broken.left == 0
    states = {task.step: task.status for task in await kit.tasks_of(claim.hint.job_id)}
    assert (states["a"], states["b"]) == (TaskState.SUCCEEDED, TaskState.READY)
