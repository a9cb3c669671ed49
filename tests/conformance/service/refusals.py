"""What every `JobService` must refuse to do, and in which words: the command line gives advice by them."""

from typing import Any

import pytest

from karya.core.errors import Conflict, InvalidInput, NotFound, Outdated
from karya.core.job import JobState
from karya.core.queries import Paging
from tests.conformance.service.kit import NOBODY, Clerk, Kit, every, words

VERBS: dict[str, tuple[Any, ...]] = {
    "pause": (),
    "resume": (),
    "trigger": (),
    "skip_next": (),
    "cancel": (),
    "update": ({"description": "new"},),
}
"""The ways to steer a job, and what they are given."""
ENDED = {
    "pause": "it cannot be paused",
    "resume": "it cannot be resumed",
    "trigger": "it cannot be triggered",
    "skip_next": "it cannot be told to skip an occurrence",
    "update": "it cannot be changed",
}


class RefusalsConformance(Clerk):
    """Nothing that is refused changes the job or its history."""

    @pytest.mark.parametrize("state", [JobState.COMPLETED, JobState.CANCELLED])
    @pytest.mark.parametrize("verb", ENDED)
    async def test_a_job_that_has_ended_stays_so(self, kit: Kit, verb: str, state: JobState) -> None:
        await self._is_refused(kit, verb, state, ENDED[verb])

    async def test_a_paused_job_is_not_triggered(self, kit: Kit) -> None:
        await self._is_refused(kit, "trigger", JobState.PAUSED, "it cannot be triggered")

    async def test_a_completed_job_has_nothing_to_cancel(self, kit: Kit) -> None:
        await self._is_refused(kit, "cancel", JobState.COMPLETED, "there is nothing left to cancel")

    async def _is_refused(self, kit: Kit, verb: str, state: JobState, why: str) -> None:
        job = await self.job_in(kit, state)
        history, tasks = await self.history(kit, job.id), await self.tasks(kit, job.id)
        with pytest.raises(Conflict) as refused:
            await getattr(kit.service, verb)(job.id, *VERBS[verb])
        assert words(refused) == (Conflict, f"job {job.id} is {state.value.lower()}: {why}")
        assert await kit.service.get(job.id) == job
        assert await self.history(kit, job.id) == history
        assert await self.tasks(kit, job.id) == tasks

    @pytest.mark.parametrize("verb", ["cancel", "update"])
    async def test_who_has_seen_another_version_is_told_of_it(self, kit: Kit, verb: str) -> None:
        job = await self.job(kit, schedule=every(60))
        await kit.service.update(job.id, {"description": "two"}, version=1)
        with pytest.raises(Outdated) as refused:
            await getattr(kit.service, verb)(job.id, *VERBS[verb], version=1)
        told = f"job {job.id} is at version 2, not 1: somebody changed it; look again"
        assert words(refused) == (Outdated, told)
        assert (await kit.service.get(job.id)).description == "two"
        await getattr(kit.service, verb)(job.id, *VERBS[verb], version=2)

    @pytest.mark.parametrize("status", [JobState.CANCELLED, JobState.COMPLETED])
    async def test_an_end_is_outdated_too_for_a_cancel(self, kit: Kit, status: JobState) -> None:
        job = await self.job_in(kit, status)
        with pytest.raises(Outdated):
            await kit.service.cancel(job.id, version=7)

    @pytest.mark.parametrize("verb", VERBS)
    async def test_an_unknown_job_is_not_steered(self, kit: Kit, verb: str) -> None:
        with pytest.raises(NotFound) as refused:
            await getattr(kit.service, verb)(NOBODY, *VERBS[verb])
        assert words(refused) == (NotFound, f"no job '{NOBODY}'")

    @pytest.mark.parametrize("verb", ["tasks", "errors", "why", "versions"])
    async def test_an_unknown_job_has_no_lists(self, kit: Kit, verb: str) -> None:
        with pytest.raises(NotFound) as refused:
            await getattr(kit.service, verb)(NOBODY, cursor=None, limit=9)
        assert words(refused) == (NotFound, f"no job '{NOBODY}'")

    @pytest.mark.parametrize("verb, more", [("get", ()), ("summary", ()), ("occurrences", (5,))])
    async def test_an_unknown_job_is_not_told_of(self, kit: Kit, verb: str, more: tuple[Any, ...]) -> None:
        with pytest.raises(NotFound) as refused:
            await getattr(kit.service, verb)(NOBODY, *more)
        assert words(refused) == (NotFound, f"no job '{NOBODY}'")

    async def test_an_unknown_job_has_no_story(self, kit: Kit) -> None:
        page = Paging()
        with pytest.raises(NotFound) as refused:
            await kit.service.story(NOBODY, tasks=page, waits=page, errors=page, history=None, instants=1)
        assert words(refused) == (NotFound, f"no job '{NOBODY}'")

    @pytest.mark.parametrize("verb", ["task", "redrive", "discard"])
    async def test_an_unknown_task(self, kit: Kit, verb: str) -> None:
        with pytest.raises(NotFound) as refused:
            await getattr(kit.service, verb)(NOBODY)
        assert words(refused) == (NotFound, f"no task '{NOBODY}'")

    async def test_an_unknown_task_does_not_stand_anywhere(self, kit: Kit) -> None:
        with pytest.raises(NotFound) as refused:
            await kit.service.standing(NOBODY, errors=Paging())
        assert words(refused) == (NotFound, f"no task '{NOBODY}'")

    async def test_what_was_not_minted_is_no_key(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60))
        for call in (
            kit.service.submit(self.spec(kit), key="mine"),
            kit.service.submit_many([self.spec(kit)], key="mine"),
            kit.service.trigger(job.id, key="mine"),
        ):
            with pytest.raises(InvalidInput) as refused:
                await call
            assert [error.field for error in refused.value.errors] == ["key"]
