"""Outcomes whose hooks together are too large for one transaction of MongoDB."""

from collections.abc import Sequence
from typing import Any

import pytest
from pymongo.errors import BulkWriteError, OperationFailure

from karya.core.errors import StoreUnavailable
from karya.core.ports import Commit
from karya.core.task import TaskState
from karya.store.client import Document
from tests.conformance.store.kit import StoreKit
from tests.support.story import NOW, ON_FAILURE, a_job, bury, first_task, submission

AS_A_WRITE = BulkWriteError({"writeErrors": [{"index": 0, "code": 388}], "writeConcernErrors": []})
AS_A_WHOLE = OperationFailure("transaction is too large", 388)


class SmallCollection:
    """Stands in for a collection in a server whose cache takes only so many inserts at once."""

    def __init__(self, real: Any, most: int, error: Exception) -> None:
        self._real, self._most, self._error = real, most, error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def insert_many(self, documents: Sequence[Document], **kwargs: Any) -> object:
        if len(documents) > self._most:
            raise self._error
        return await self._real.insert_many(documents, **kwargs)


async def commits(kit: StoreKit, count: int) -> list[Commit]:
    jobs = [a_job(None, ON_FAILURE) for _ in range(count)]
    await kit.add(*map(submission, jobs))
    claims = [await kit.claim(first_task(job)) for job in jobs]
    return [Commit(claim.hint.task_id, claim.lease_id, bury()) for claim in claims]


@pytest.mark.parametrize("error", [AS_A_WRITE, AS_A_WHOLE], ids=["write", "whole"])
async def test_they_are_committed_in_parts(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Otherwise nobody could ever commit them, the reaper included."""
    batch = [*await commits(kit, 7), Commit("no such task", "lease", bury())]
    monkeypatch.setattr(kit.commits, "_tasks", SmallCollection(kit.commits._tasks, 2, error))  # type: ignore[attr-defined]
    assert await kit.commits.commit(batch, NOW) == {"no such task"}
    for commit in batch[:7]:
        task = await kit.task(commit.task_id)
        assert task.status is TaskState.DEAD
        assert len(await kit.tasks_of(task.job_id)) == 2
        assert len(await kit.errors_of(task.job_id)) == 1


async def test_one_that_never_fits_is_refused_and_leaves_nothing(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (commit,) = await commits(kit, 1)
    monkeypatch.setattr(kit.commits, "_tasks", SmallCollection(kit.commits._tasks, 0, AS_A_WRITE))  # type: ignore[attr-defined]
    with pytest.raises(StoreUnavailable):
        await kit.commits.commit([commit], NOW)
    assert (await kit.task(commit.task_id)).status is TaskState.RUNNING
