"""What every `JobRepository` must do when jobs are listed."""

import base64
from itertools import chain
from typing import Any

import pytest

from karya.core.errors import InvalidInput
from karya.core.job import Job, JobState
from karya.core.queries import JobQuery
from tests.conformance.store.kit import StoreKit
from tests.support.story import a_job, another_task, at, child_of, submission

ALL = JobQuery()
FOREIGN = ["", "x", "!!!!", "AAAA", "é", "\0", "a" * 10_000, base64.b64encode(b"1/2").decode(), '{"$gt":""}']


class JobListsConformance:
    """Lists of jobs, page by page."""

    async def pages(self, kit: StoreKit, limit: int, **query: Any) -> list[list[Job]]:
        pages, cursor = [], None
        while True:
            page = await kit.jobs.list(JobQuery(**query), cursor=cursor, limit=limit)
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
        first = await kit.jobs.list(ALL, cursor=None, limit=2)
        await kit.add(submission(a_job(created_at=at(9))))
        second = await kit.jobs.list(ALL, cursor=first.next_cursor, limit=2)
        assert second.items == (jobs[1], jobs[0])

    @pytest.mark.parametrize("user_id", ["ann", "bob", None, "nobody"])
    @pytest.mark.parametrize("status", [*JobState, None])
    async def test_owner_and_state_narrow_the_list(
        self, kit: StoreKit, user_id: str | None, status: JobState | None
    ) -> None:
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
        assert list(chain(*await self.pages(kit, 2, user_id=user_id, status=status))) == wanted

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ({"tag": "red"}, [3, 0]),
            ({"tag": "re"}, []),
            ({"text": "REPORT"}, [2, 1]),
            ({"text": "50% (net"}, [1]),
            ({"text": ".*"}, []),
            ({"text": "ümlaut"}, [3]),
            ({"created_after": at(1)}, [3, 2, 1]),
            ({"created_before": at(2)}, [1, 0]),
            ({"created_after": at(1), "created_before": at(3)}, [2, 1]),
            ({"created_after": at(2), "created_before": at(2)}, []),
            ({"tag": "red", "user_id": "ann", "status": JobState.ACTIVE, "created_after": at(1)}, [3]),
            ({"tag": "red", "user_id": "bob"}, []),
        ],
        ids=str,
    )
    async def test_each_search_finds_its_jobs_the_newest_first(
        self, kit: StoreKit, query: dict[str, Any], found: list[int]
    ) -> None:
        jobs = [
            a_job(created_at=at(0), user_id="ann", tags=("red", "blue")),
            a_job(created_at=at(1), user_id="ann", description="Report: 50% (net)", tags=("blue",)),
            a_job(created_at=at(2), user_id="bob", description="the daily report"),
            a_job(created_at=at(3), user_id="ann", description="Ümlaut", tags=("red",)),
        ]
        await kit.add(*map(submission, jobs))
        for limit in (1, 10):
            seen = [job.id for job in chain(*await self.pages(kit, limit, **query))]
            assert seen == [jobs[number].id for number in found]

    async def test_the_time_of_creation_counts_to_the_millisecond(self, kit: StoreKit) -> None:
        jobs = [a_job(created_at=at(number / 1000)) for number in range(3)]
        await kit.add(*map(submission, jobs))
        (page,) = await self.pages(kit, 9, created_after=at(0.001), created_before=at(0.002))
        assert page == [jobs[1]]

    async def test_descendants_in_the_order_of_their_ids(self, kit: StoreKit) -> None:
        parent = a_job()
        children = [child_of(parent, created_at=at(number)) for number in range(3)]
        grandchild = child_of(children[0], created_at=at(9))
        await kit.add(*map(submission, [parent, *children, grandchild, a_job()]))
        await kit.jobs.cancel(children[1].id, at(10))
        live, ended = frozenset({JobState.ACTIVE}), frozenset({JobState.CANCELLED})
        ids = [children[0].id, children[2].id, grandchild.id]
        assert list(await kit.jobs.descendants(parent.id, live, None, 10)) == ids
        assert list(await kit.jobs.descendants(parent.id, live, ids[0], 1)) == ids[1:2]
        assert list(await kit.jobs.descendants(parent.id, ended, None, 10)) == [children[1].id]
        assert list(await kit.jobs.descendants(children[0].id, live, None, 10)) == [grandchild.id]
        assert await kit.jobs.any_cancelled([parent.id, children[1].id])
        assert not await kit.jobs.any_cancelled(grandchild.ancestors)

    async def test_no_jobs(self, kit: StoreKit) -> None:
        assert await self.pages(kit, 10) == [[]]

    @pytest.mark.parametrize("cursor", FOREIGN, ids=range(len(FOREIGN)))
    async def test_a_cursor_that_no_page_gave_is_refused(self, kit: StoreKit, cursor: str) -> None:
        with pytest.raises(InvalidInput) as refused:
            await kit.jobs.list(ALL, cursor=cursor, limit=10)
        assert [error.field for error in refused.value.errors] == ["cursor"]

    async def test_a_cursor_of_another_list_is_refused(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job, another_task(job, 1)), submission(a_job()))
        jobs = await kit.jobs.list(ALL, cursor=None, limit=1)
        tasks = await kit.tasks.of_job(job.id, cursor=None, limit=1)
        with pytest.raises(InvalidInput):
            await kit.jobs.list(ALL, cursor=tasks.next_cursor, limit=1)
        with pytest.raises(InvalidInput):
            await kit.tasks.of_job(job.id, cursor=jobs.next_cursor, limit=1)

    @pytest.mark.parametrize("change", ["!{}", "{}!", "{}\n", "{}===="])
    async def test_a_changed_cursor_is_refused(self, kit: StoreKit, change: str) -> None:
        await kit.add(submission(a_job()), submission(a_job()))
        page = await kit.jobs.list(ALL, cursor=None, limit=1)
        with pytest.raises(InvalidInput):
            await kit.jobs.list(ALL, cursor=change.format(page.next_cursor), limit=1)
