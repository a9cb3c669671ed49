"""What every `JobService` must do about dead letters."""

import pytest

from karya.core.errors import Conflict
from karya.core.job import JobState
from karya.core.queries import LetterQuery
from karya.core.task import TaskState
from tests.conformance.service.kit import Clerk, Kit, every, ids, words
from tests.support.story import at

ALL = LetterQuery()
MOVED = {"redrive": TaskState.READY, "discard": TaskState.CANCELLED}
"""The ways out, and what a letter then is."""


class LettersConformance(Clerk):
    """Single letters."""

    async def test_a_redriven_letter_waits_again(self, kit: Kit) -> None:
        job = await self.job(kit)
        letter = await self.bury(kit, job.id)
        assert (await kit.service.get(job.id)).status is JobState.COMPLETED
        story = await kit.service.redrive(letter.id)
        task = story.task
        assert story == await kit.service.task(letter.id)
        assert (task.status, task.held, task.attempts, task.due_at) == (TaskState.READY, False, 0, at(2))
        assert (task.finished_at, task.reason, task.error) == (None, None, "boom")
        assert (await kit.service.letter_count(ALL)).count == 0

    async def test_a_discarded_letter_has_ended(self, kit: Kit) -> None:
        job = await self.job(kit)
        letter = await self.bury(kit, job.id)
        story = await kit.service.discard(letter.id)
        assert story == await kit.service.task(letter.id)
        told = (story.task.status, story.task.reason, story.task.finished_at)
        assert told == (TaskState.CANCELLED, "the dead letter was discarded", at(2))

    async def test_a_letter_of_a_paused_job_is_held(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60))
        letter = await self.bury(kit, job.id)
        await kit.service.pause(job.id)
        assert (await kit.service.redrive(letter.id)).task.held

    @pytest.mark.parametrize("verb", MOVED)
    async def test_moving_a_letter_leaves_no_entry_in_the_history(self, kit: Kit, verb: str) -> None:
        job = await self.job(kit)
        letter = await self.bury(kit, job.id)
        await getattr(kit.service, verb)(letter.id)
        assert await self.kinds(kit, job.id) == ["submitted"]

    @pytest.mark.parametrize("verb", MOVED)
    @pytest.mark.parametrize("state", [TaskState.READY, TaskState.SUCCEEDED, TaskState.CANCELLED])
    async def test_what_is_no_dead_letter_is_not_moved(self, kit: Kit, state: TaskState, verb: str) -> None:
        job = await self.job(kit)
        if state is TaskState.SUCCEEDED:
            await self.succeed(kit, job.id)
        if state is TaskState.CANCELLED:
            await kit.service.cancel(job.id)
        (task,) = await self.tasks(kit, job.id)
        assert task.status is state
        with pytest.raises(Conflict) as refused:
            await getattr(kit.service, verb)(task.id)
        told = f"task {task.id} is {state.value}: it is no dead letter"
        assert words(refused) == (Conflict, told)
        assert await self.tasks(kit, job.id) == [task]

    async def test_a_letter_of_a_cancelled_job_can_be_discarded_alone(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60))
        letter = await self.bury(kit, job.id)
        await kit.service.cancel(job.id)
        with pytest.raises(Conflict) as refused:
            await kit.service.redrive(letter.id)
        told = f"job {job.id} is cancelled, so nothing of it runs any more: discard its dead letters"
        assert words(refused) == (Conflict, told)
        assert (await kit.service.task(letter.id)).task == letter
        assert (await kit.service.discard(letter.id)).task.status is TaskState.CANCELLED

    async def test_all_that_may_run_are_redriven(self, kit: Kit) -> None:
        running, ended = [await self.job(kit, schedule=every(60)) for _ in range(2)]
        letters = [await self.bury(kit, job.id) for job in (running, ended)]
        await kit.service.cancel(ended.id)
        assert (await kit.service.redrive_all(ALL)).count == 1
        left = (await kit.service.dead_letters(ALL, cursor=None, limit=9)).tasks
        assert ids(left) == [letters[1].id]
        assert (await kit.service.discard_all(ALL)).count == 1
        assert (await kit.service.discard_all(ALL)).count == 0
