"""What every `JobService` must do when jobs are changed, and what it tells of their past."""

from typing import Any

import pytest

from karya.core.errors import Conflict, InvalidInput
from karya.core.job import JobState
from tests.conformance.service.kit import Clerk, Kit, every, words
from tests.conformance.service.steering import MINUTELY, seen
from tests.support.story import NOW, at

TAKEN = "the name 'nightly' is taken by a live job of this owner: change or cancel that one, or take another"


class ChangingConformance(Clerk):
    """`update`, and the history of a job."""

    async def test_what_waits_follows_the_new_version(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY, description="one")
        changed = await kit.service.update(job.id, {"description": "two", "schedule": every(40)})
        assert changed == await kit.service.get(job.id)
        assert (changed.version, changed.description, changed.next_at) == (2, "two", at(40))
        assert changed.updated_at == at(1)
        tasks = await self.tasks(kit, job.id)
        assert seen(tasks) == [(40, "READY", False)]
        assert (await kit.service.task(tasks[0].id)).job_version == 2

    async def test_where_the_schedule_stays_the_same_occurrences_are_made_again(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        await kit.service.trigger(job.id)
        before = sorted(task.id for task in await self.tasks(kit, job.id))
        await kit.service.update(job.id, {"action": {"type": "rest", "url": "http://a.example/"}})
        stories = [await kit.service.task(task.id) for task in await self.tasks(kit, job.id)]
        assert sorted(story.task.id for story in stories) == before
        assert [(story.job_version, story.action["type"]) for story in stories] == [(2, "rest")] * 2

    async def test_what_waits_of_a_paused_job_stays_held(self, kit: Kit) -> None:
        job = await self.job_in(kit, JobState.PAUSED, schedule=MINUTELY)
        changed = await kit.service.update(job.id, {"schedule": every(40)})
        assert changed.status is JobState.PAUSED
        assert seen(await self.tasks(kit, job.id)) == [(40, "READY", True)]

    async def test_fewer_runs_than_it_had_complete_the_job(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=every(60, max_runs=9))
        kit.time.advance(60)
        await self.succeed(kit, job.id)
        changed = await kit.service.update(job.id, {"schedule": every(60, max_runs=1)})
        assert changed.status is JobState.COMPLETED

    @pytest.mark.parametrize(
        ("changes", "field", "message"),
        [
            ({}, "", "nothing to change: give at least one field of the job"),
            ({"user_id": "x"}, "user_id", "a job cannot change hands: submit a new one and cancel this one"),
            ({"schedule": None}, "schedule", None),
            ({"action": {"type": "rest"}}, "action.url", None),
            ({"colour": "red"}, "colour", None),
        ],
        ids=["nothing", "owner", "schedule", "action", "unknown"],
    )
    async def test_a_bad_change_names_its_field_and_changes_nothing(
        self, kit: Kit, changes: dict[str, Any], field: str, message: str | None
    ) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        before = await kit.service.get(job.id)
        with pytest.raises(InvalidInput) as refused:
            await kit.service.update(job.id, changes)
        (error,) = refused.value.errors
        assert (error.field, message or error.message) == (field, error.message)
        assert await kit.service.get(job.id) == before
        assert await self.kinds(kit, job.id) == ["submitted"]

    async def test_a_name_that_is_taken_is_refused_until_it_is_free(self, kit: Kit) -> None:
        first = await self.job(kit, name="nightly", schedule=MINUTELY)
        job = await self.job(kit, schedule=MINUTELY)
        with pytest.raises(Conflict) as refused:
            await kit.service.update(job.id, {"name": "nightly"})
        assert words(refused) == (Conflict, TAKEN)
        assert (await kit.service.get(job.id)).version == 1
        await kit.service.update(first.id, {"name": "nightly", "description": "keeps its own"})
        await kit.service.cancel(first.id)
        assert (await kit.service.update(job.id, {"name": "nightly"})).name == "nightly"

    @pytest.mark.parametrize("limit", [100, 2])
    async def test_the_history_tells_all_and_what_was_written(self, kit: Kit, limit: int) -> None:
        job = await self.job(kit, schedule=MINUTELY, description="one")
        for verb in ("pause", "resume", "trigger", "skip_next"):
            await getattr(kit.service, verb)(job.id)
            kit.time.advance(1)
        await kit.service.update(job.id, {"description": "two"})
        kit.time.advance(1)
        await kit.service.cancel(job.id)
        assert await self.history(kit, job.id, limit) == [
            ("cancelled", 2, at(6)),
            ("updated", 2, at(5)),
            ("skipped_next", 1, at(4)),
            ("triggered", 1, at(3)),
            ("resumed", 1, at(2)),
            ("paused", 1, at(1)),
            ("submitted", 1, NOW),
        ]
        changes = (await kit.service.versions(job.id, cursor=None, limit=100)).changes
        written = {change.kind: change.spec["description"] for change in changes if change.spec}
        assert written == {"updated": "two", "submitted": "one"}
