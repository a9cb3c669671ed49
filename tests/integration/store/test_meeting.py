"""Where two parts of the store meet on the same occurrence."""

from typing import Any

import pytest

from karya.core.hint import hint_of
from karya.core.job import JobState
from karya.core.policies import Overlap
from karya.core.queries import LetterQuery
from karya.core.task import TaskKind, TaskState
from tests.conformance.store.kit import StoreKit
from tests.conformance.store.revisions import to
from tests.conformance.store.slots import Line
from tests.support.story import (
    NOW,
    ON_CANCELLED,
    ON_FAILURE,
    a_job,
    at,
    bury,
    first_task,
    step,
    submission,
    succeed,
    tasks_of,
)


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING])
async def test_a_letter_of_a_completed_job_gets_the_slot_when_it_is_redriven(
    kit: StoreKit, overlap: Overlap
) -> None:
    job = a_job(overlap=overlap)
    task = first_task(job)
    await kit.add(submission(job))
    assert kit.admissions.admit([hint_of(task)], NOW).admitted
    await kit.commit(await kit.claim(task), bury())
    await kit.slots.release([(job.id, task.cause)], NOW)
    await kit.jobs.settle([job.id], NOW)
    completed = await kit.jobs.get(job.id)
    assert completed is not None and completed.status is JobState.COMPLETED
    assert await kit.letters.redrive(task.id, NOW)
    hint = hint_of(await kit.task(task))
    assert kit.admissions.admit([hint], NOW).admitted == [hint]


async def test_a_hook_that_is_redriven_while_its_job_is_paused_runs(kit: StoreKit) -> None:
    job = a_job(None, ON_FAILURE)
    await kit.add(submission(job))
    await kit.commit(await kit.claim(first_task(job)), bury())
    (hook,) = await kit.hooks_of(job.id)
    await kit.commit(await kit.claim(hook), bury())
    await kit.lifecycle.pause(job.id, NOW)
    assert await kit.letters.redrive(hook.id, NOW)
    assert [one.hint.task_id for one in kit.agenda.due(at(9), None, 9)] == [hook.id]


async def test_a_hook_of_a_cancelled_job_can_be_redriven(kit: StoreKit) -> None:
    job = a_job(None, ON_CANCELLED)
    await kit.add(submission(job))
    await kit.jobs.cancel(job.id, NOW)
    await kit.tasks.cancel_of_job(job.id, NOW)
    (hook,) = await kit.hooks_of(job.id)
    await kit.commit(await kit.claim(hook), bury())
    assert await kit.letters.redrive(hook.id, NOW)
    assert [one.hint.task_id for one in kit.agenda.due(at(9), None, 9)] == [hook.id]


class Meanwhile:
    """Stands in for a collection: something happens just before the first such operation."""

    def __init__(self, real: Any, operation: str, something: Any) -> None:
        self._real, self._operation, self._something = real, operation, something

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name) if name != self._operation else self._call

    async def _call(self, *args: Any, **kwargs: Any) -> Any:
        something, self._something = self._something, None
        if something is not None:
            await something
        return await getattr(self._real, self._operation)(*args, **kwargs)


async def test_a_step_that_ends_while_the_one_beside_it_is_redriven_is_heard_of(
    kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = a_job(steps=[step("a"), step("b"), step("c", "a", "b")])
    await kit.add(submission(job))
    a, b, c = tasks_of(job)
    running = await kit.claim(b)
    await kit.commit(await kit.claim(a), bury())
    assert (await kit.task(c)).status is TaskState.SKIPPED
    with monkeypatch.context() as meeting:
        meanwhile = Meanwhile(kit.letters._tasks, "bulk_write", kit.commit(running, succeed()))
        meeting.setattr(kit.letters, "_tasks", meanwhile)
        assert await kit.letters.redrive(a.id, NOW)
    assert (await kit.task(b)).status is TaskState.SUCCEEDED
    await kit.commit(await kit.claim(a), succeed())
    assert (await kit.task(c)).status is TaskState.READY


async def test_what_waits_for_the_slot_goes_on_when_the_job_allows_overlap(kit: StoreKit) -> None:
    line = await Line(kit, Overlap.QUEUE).stored()
    assert await line.admit(0) == "a"
    claim = await kit.claim(line.tasks[0][0])
    assert await line.admit(1) == "w"
    await kit.lifecycle.update(line.job.id, to(overlap="allow"), NOW)
    assert line.due() == ["1", "2"]
    await kit.commit(claim, succeed())
    await line.release(0)
    assert line.due() == ["1", "2"]


async def test_a_triggered_occurrence_that_waits_follows_the_new_version(kit: StoreKit) -> None:
    line = await Line(kit, Overlap.QUEUE).stored()
    await line.admit(0)
    await kit.claim(line.tasks[0][0])
    await line.admit(1)
    await kit.lifecycle.update(line.job.id, to(description="new"), NOW)
    versions = [(await kit.task(tasks[0])).job_version for tasks in line.tasks]
    assert versions == [1, 2, 2]
    assert line.due() == ["2"]
    assert await line.holder() == ("0", "1")


async def test_letters_kept_for_ever_keep_nothing_else(kit: StoreKit) -> None:
    job = a_job()
    more = [task.model_copy(update={"solo": False}) for task in _triggered(job, 4)]
    await kit.add(submission(job, *more))
    kit.time.advance(60)
    for number, task in enumerate([first_task(job), *more]):
        await kit.commit(await kit.claim(task), bury() if number < 3 else succeed())
    for _ in range(3):
        await kit.retention.expire(at(40 * 86_400), 9)
    assert {task.status for task in await kit.tasks_of(job.id) if task.kind is TaskKind.STEP} == {
        TaskState.DEAD
    }
    assert len((await kit.letters.find(LetterQuery(), cursor=None, limit=9)).items) == 3


def _triggered(job: Any, count: int) -> list[Any]:
    from karya.core.occurrence import occurrence_tasks, triggered

    return [t for n in range(count) for t in occurrence_tasks(job, triggered(f"r{n}", at(n + 1)), NOW)]
