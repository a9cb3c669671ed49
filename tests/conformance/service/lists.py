"""How every `JobService` must list jobs and their tasks."""

from typing import Any

import pytest

from karya.core.errors import InvalidInput
from karya.core.job import JobState
from karya.core.queries import JobQuery
from karya.core.task import TaskState
from tests.conformance.service.kit import Clerk, Kit, ids
from tests.conformance.service.steering import MINUTELY, TWO_STEPS
from tests.support.story import at


class ListsConformance(Clerk):
    """The newest first, page by page."""

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({}, [3, 2, 1, 0]),
            ({"user_id": "ann"}, [3, 0]),
            ({"status": JobState.PAUSED}, [1]),
            ({"status": JobState.COMPLETED}, [2]),
            ({"tag": "red"}, [3, 0]),
            ({"tag": "re"}, []),
            ({"name": "nightly"}, [1]),
            ({"set": "reports"}, [2, 1]),
            ({"text": "REPORT"}, [2, 1]),
            ({"text": ".*"}, []),
            ({"created_after": at(1)}, [3, 2, 1]),
            ({"created_before": at(3)}, [1, 0]),
            ({"user_id": "ann", "tag": "red", "created_after": at(1)}, [3]),
            ({"user_id": "ann", "set": "reports"}, []),
        ],
        ids=str,
    )
    async def test_the_filters_find(self, kit: Kit, query: dict[str, Any], found: list[int]) -> None:
        ann = await kit.user("ann")
        jobs = [
            await self.job(kit, user_id=ann, tags=["red", "blue"]),
            await self.job_in(kit, JobState.PAUSED, name="nightly", set="reports", description="A report"),
            await self.job_in(kit, JobState.COMPLETED, set="reports", description="the report"),
            await self.job(kit, user_id=ann, tags=["red"]),
        ]
        wanted = [jobs[number].id for number in found]
        assert await self.found(kit, **query) == await self.found(kit, limit=1, **query) == wanted

    async def test_lines_are_the_same_page(self, kit: Kit) -> None:
        for _ in range(3):
            await self.job(kit)
        page = await kit.service.list(JobQuery(), cursor=None, limit=2)
        lines = await kit.service.job_lines(JobQuery(), cursor=None, limit=2)
        assert (tuple(line.job for line in lines.items), lines.next_cursor) == (page.jobs, page.next_cursor)

    async def test_a_cursor_that_no_page_gave_is_refused(self, kit: Kit) -> None:
        job = await self.job(kit)
        for call in (
            kit.service.list(JobQuery(), cursor="x", limit=9),
            kit.service.tasks(job.id, cursor="x", limit=9),
            kit.service.versions(job.id, cursor="x", limit=9),
        ):
            with pytest.raises(InvalidInput) as refused:
                await call
            assert [error.field for error in refused.value.errors] == ["cursor"]

    async def test_the_tasks_of_a_job_have_the_latest_instant_first(self, kit: Kit) -> None:
        job = await self.job(kit, schedule=MINUTELY)
        await kit.service.trigger(job.id)
        await kit.service.skip_next(job.id)
        assert [task.instant for task in await self.tasks(kit, job.id)] == [at(120), at(60), at(1)]
        paged, cursor = list[str](), None
        while True:
            page = await kit.service.tasks(job.id, cursor=cursor, limit=1)
            paged += ids(page.tasks)
            if (cursor := page.next_cursor) is None:
                break
        assert paged == ids(await self.tasks(kit, job.id))

    async def test_a_summary_counts_the_steps_by_their_states(self, kit: Kit) -> None:
        job = await self.job(kit, steps=[*TWO_STEPS, {**TWO_STEPS[0], "name": "c"}])
        await self.bury(kit, job.id)
        summary = await kit.service.summary(job.id)
        assert summary.counts == {TaskState.READY: 2, TaskState.DEAD: 1}
        assert not summary.at_least
        assert sorted(ids(summary.tasks)) == sorted(ids(await self.tasks(kit, job.id)))
