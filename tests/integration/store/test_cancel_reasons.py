"""A running task that is stopped for another reason than the end of its job says so."""

import pytest

from karya.core.task import TaskState
from karya.core.transitions import Transition
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import ON_RETRY, a_job, bury, cancel, first_task, release, retry, submission

REASON = "a later occurrence took the slot"


@pytest.mark.parametrize("move", [retry(), bury(), release(), cancel()], ids=lambda move: move.move)
async def test_the_reason_of_the_cancel_stands_and_repeating_the_commit_loses_nothing(
    kit: StoreKit, mongo: Mongo, move: Transition
) -> None:
    job = a_job(None, ON_RETRY)
    await kit.add(submission(job))
    claim = await kit.claim(first_task(job))
    flags = {"cancel_requested": True, "cancel_reason": REASON}
    mongo.blocking.tasks.update_one({"_id": claim.hint.task_id}, {"$set": flags})
    for _ in range(2):
        assert not await kit.commit(claim, move)
        task = await kit.task(first_task(job))
        assert (task.status, task.reason) == (TaskState.CANCELLED, REASON)
    assert not await kit.hooks_of(job.id)
