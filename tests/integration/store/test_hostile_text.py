"""What users write is stored as it is, comes back equal, and never becomes part of a query."""

from dataclasses import replace

import pytest

from karya.core.action import Action, RestAction
from karya.core.hint import hint_of
from karya.core.hook import HookSpec, Trigger
from karya.core.job import Job
from karya.core.queries import JobQuery
from karya.core.task import TaskState
from karya.core.user import User
from karya.store.directory import LockDirectory
from tests.conformance.store.kit import TTL, StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.story import NOW, a_job, bury, first_task, submission, succeed

TEXTS = [
    "$where",
    '{"$gt": ""}',
    "$$NOW",
    "$status",
    "a.b.$c",
    "",
    "\0",
    "before\0after",
    "𝕳🤖\u202e\ufeff\u0301",
    "' || true || '",
    "x" * 100_000,
    "/.*/",
    "null",
]
texts = pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
OPERATORS = {"$where": "1", "$gt": "", "a.b": {"$ne": None}, "": [{"$expr": True}], "\0": "𝕳"}


def hostile_job(text: str) -> Job:
    action = RestAction(url="http://localhost/", headers={"$where": "1", "a.b": "$x"}, body=[text, OPERATORS])
    hook = HookSpec[Action](trigger=Trigger.ON_FAILURE, action=action)
    return a_job(None, hook, description=text.replace("\0", "")[:1000], user_id=text[:100], action=action)


@texts
async def test_a_job_comes_back_equal_through_its_whole_life(kit: StoreKit, text: str) -> None:
    job = hostile_job(text)
    await kit.add(submission(job))
    assert await kit.jobs.get(job.id) == job
    claim = await kit.claim(first_task(job), text)
    assert claim.action == job.steps[0].action
    await kit.commit(claim, bury(text[:4000]))
    step = await kit.task(first_task(job))
    assert step.lease is not None
    assert (step.lease.owner, step.error, step.action) == (text, text[:4000], job.steps[0].action)
    (hook,) = kit.agenda.due(NOW, None, 9)
    assert (await kit.claim(await kit.task(hook.hint.task_id))).action == job.hooks[0].action


@texts
async def test_a_result_comes_back_equal(kit: StoreKit, text: str) -> None:
    job = a_job()
    await kit.add(submission(job))
    await kit.commit(await kit.claim(first_task(job)), succeed(text))
    assert (await kit.task(first_task(job))).result == text


@texts
async def test_a_filter_finds_only_its_equal(kit: StoreKit, text: str) -> None:
    user_id = text[:100]
    job, other = a_job(user_id=user_id), a_job(user_id="somebody else")
    await kit.add(submission(job), submission(other))
    assert (await kit.jobs.list(JobQuery(user_id=user_id), cursor=None, limit=9)).items == (job,)


@texts
async def test_a_user_comes_back_equal(kit: StoreKit, text: str) -> None:
    user = User(id=text, name=text, created_at=NOW)
    await kit.users.add(User(id="other", name="other", created_at=NOW))
    await kit.users.add(user)
    assert await kit.users.get(text) == user


@texts
async def test_an_id_matches_nothing_else(kit: StoreKit, text: str) -> None:
    """Not in reading, not in writing."""
    job = a_job()
    await kit.add(submission(job))
    assert await kit.jobs.get(text) is None
    assert await kit.tasks.get(text) is None
    assert await kit.jobs.cancel(text, NOW) is None
    assert await kit.tasks.cancel_of_job(text, NOW) is None
    assert not (await kit.tasks.of_job(text, cursor=None, limit=9)).items
    assert not (await kit.tasks.counts(text, 10)).of
    assert not await kit.errors_of(text)
    await kit.jobs.settle([text], NOW)
    await kit.jobs.complete_solo([text], NOW)
    lie = replace(hint_of(first_task(job)), task_id=text)
    assert not await kit.claims.claim([lie], text, TTL)
    assert (await kit.claims.renew({text: text}, TTL)).lost == {text}
    assert await kit.jobs.get(job.id) == job
    assert (await kit.task(first_task(job))).status is TaskState.READY


@texts
async def test_a_lock_publishes_what_it_was_given(kit: StoreKit, mongo: Mongo, text: str) -> None:
    directory = LockDirectory(mongo.asynchronous)
    name = text or "lock"
    assert await directory.holder(name) is None
    owner = text or "owner"
    lease = kit.locks.acquire(name, owner, TTL, {"endpoint": text})
    assert lease is not None
    holder = await directory.holder(name)
    assert holder is not None
    assert (holder.owner, holder.token, holder.info) == (owner, 1, {"endpoint": text})
    kit.locks.release(lease)
    assert await directory.holder(name) is None
