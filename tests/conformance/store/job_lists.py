"""What every `JobRepository` must do when jobs are listed."""

import base64
from itertools import chain

import pytest

from karya.core.errors import InvalidInput
from karya.core.job import Job, JobState
from tests.conformance.store.kit import StoreKit
from tests.support.story import a_job, another_task, at, submission

FOREIGN = ["", "x", "!!!!", "AAAA", "é", "\0", "a" * 10_000, base64.b64encode(b"1/2").decode(), '{"$gt":""}']


class JobListsConformance:
    """Lists of jobs, page by page."""

    async def pages(
        self, kit: StoreKit, limit: int, user_id: str | None = None, status: JobState | None = None
    ) -> list[list[Job]]:
        pages, cursor = [], None
        while True:
            page = await kit.jobs.list(user_id=user_id, status=status, cursor=cursor, limit=limit)
            pages.append(list(page.items))
            if (cursor := page.next_cursor) is None:
                return pages

    @pytest.mark.parametrize("limit, sizes", [(10, [10, 10, 10, 10, 5]), (15, [15, 15, 15]), (100, [45])])
    async def test_pages_have_neither_gap_nor_overlap(
        self, kit: StoreKit, limit: int, sizes: list[int]
    ) -> None:
        jobs = [a_job(created_at=at(number)) for number in range(45)]
        await kit.add(*map(submission, jobs))
        pages = await self.pages(kit, limit)
        assert [len(page) for page in pages] == sizes
        assert list(chain(*pages)) == jobs[::-1]

    async def test_jobs_of_one_instant_are_paged_too(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(30)]
        await kit.add(*map(submission, jobs))
        seen = [job.id for page in await self.pages(kit, 7) for job in page]
        assert sorted(seen) == sorted(job.id for job in jobs)

    async def test_a_job_that_comes_meanwhile_moves_no_page(self, kit: StoreKit) -> None:
        jobs = [a_job(created_at=at(number)) for number in range(4)]
        await kit.add(*map(submission, jobs))
        first = await kit.jobs.list(user_id=None, status=None, cursor=None, limit=2)
        await kit.add(submission(a_job(created_at=at(9))))
        second = await kit.jobs.list(user_id=None, status=None, cursor=first.next_cursor, limit=2)
        assert second.items == (jobs[1], jobs[0])

    @pytest.mark.parametrize("user_id", ["ann", "bob", None, "nobody"])
    @pytest.mark.parametrize("status", [*JobState, None])
    async def test_filters(self, kit: StoreKit, user_id: str | None, status: JobState | None) -> None:
        jobs = [
            a_job(user_id=user, created_at=at(number))
            for number, user in enumerate(["ann", "ann", "ann", "bob", "bob", None])
        ]
        await kit.add(*map(submission, jobs))
        await kit.jobs.complete_solo([jobs[1].id, jobs[4].id], at(9))
        await kit.jobs.cancel(jobs[2].id, at(9))
        stored = [await kit.jobs.get(job.id) for job in reversed(jobs)]
        wanted = [
            job for job in stored if job and user_id in (job.user_id, None) and status in (job.status, None)
        ]
        assert list(chain(*await self.pages(kit, 2, user_id, status))) == wanted

    async def test_no_jobs(self, kit: StoreKit) -> None:
        assert await self.pages(kit, 10) == [[]]

    @pytest.mark.parametrize("cursor", FOREIGN, ids=range(len(FOREIGN)))
    async def test_a_cursor_that_no_page_gave_is_refused(self, kit: StoreKit, cursor: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            await kit.jobs.list(user_id=None, status=None, cursor=cursor, limit=10)
        assert [error.field for error in refused.value.errors] == ["cursor"]

    async def test_a_cursor_of_another_list_is_refused(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job, another_task(job, 1)), submission(a_job()))
        jobs = await kit.jobs.list(user_id=None, status=None, cursor=None, limit=1)
        tasks = await kit.tasks.of_job(job.id, cursor=None, limit=1)
        with pytest.raises(InvalidInput):
            await kit.jobs.list(user_id=None, status=None, cursor=tasks.next_cursor, limit=1)
        with pytest.raises(InvalidInput):
            await kit.tasks.of_job(job.id, cursor=jobs.next_cursor, limit=1)

    @pytest.mark.parametrize("change", ["!{}", "{}!", "{}\n", "{}===="])
    async def test_a_changed_cursor_is_refused(self, kit: StoreKit, change: str) -> None:
        await kit.add(submission(a_job()), submission(a_job()))
        page = await kit.jobs.list(user_id=None, status=None, cursor=None, limit=1)
        with pytest.raises(InvalidInput):
            await kit.jobs.list(user_id=None, status=None, cursor=change.format(page.next_cursor), limit=1)
