"""Dead letters of a job that is paused, or was."""

from karya.core.task import TaskState
from karya.store.letters import MongoLetters
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import NOW, a_job, at, bury, step, submission, succeed, tasks_of


async def test_a_step_that_was_skipped_in_a_pause_opens_when_the_one_before_is_redriven(
    kit: StoreKit, mongo: Mongo
) -> None:
    job = a_job(steps=[step("a"), step("b", "a")])
    await kit.add(submission(job))
    a, b = tasks_of(job)
    claim = await kit.claim(a)
    await kit.lifecycle.pause(job.id, NOW)
    await kit.commit(claim, bury())
    assert (await kit.task(b)).status is TaskState.SKIPPED
    await kit.lifecycle.resume(job.id, at(1))
    assert await MongoLetters(mongo.asynchronous).redrive(a.id, at(1))
    kit.time.now = at(1)
    await kit.commit(await kit.claim(a), succeed())
    opened = await kit.task(b)
    assert (opened.status, opened.held) == (TaskState.READY, False)


async def test_a_letter_of_a_paused_job_waits_for_it(kit: StoreKit, mongo: Mongo) -> None:
    job = a_job()
    await kit.add(submission(job))
    (task,) = tasks_of(job)
    await kit.commit(await kit.claim(task), bury())
    await kit.lifecycle.pause(job.id, NOW)
    assert await MongoLetters(mongo.asynchronous).redrive(task.id, at(1))
    assert not kit.agenda.due(at(9), None, 9)
    await kit.lifecycle.resume(job.id, at(2))
    assert [one.hint.task_id for one in kit.agenda.due(at(9), None, 9)] == [task.id]
