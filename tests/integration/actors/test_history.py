"""What was done to a job and skipped of it, read page by page from the real store."""

from collections.abc import AsyncIterator
from functools import partial

import pytest

from karya.core.errors import InvalidInput
from karya.core.queries import Paging
from karya.core.views import VersionsView, Wait
from karya.store.paging import encode_cursor
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter, every, spec
from tests.support.mongo import Mongo
from tests.support.story import NOW, retry

ONE = Paging(limit=1)


@pytest.fixture
def counter(kit: StoreKit, mongo: Mongo) -> Counter:
    return Counter(kit, mongo)


@pytest.fixture
async def job_id(counter: Counter, kit: StoreKit) -> str:
    """A job that was changed, paused and resumed three times, and triggered often since."""
    ident = (await counter.server.submit(spec(schedule=every(10), description="0"))).id
    for number in range(1, 4):
        await counter.server.update(ident, {"description": str(number)})
        kit.time.advance(1)
        await counter.server.pause(ident)
        kit.time.advance(35)
        await counter.server.resume(ident)
        kit.time.advance(1)
    for _ in range(4):
        await counter.server.trigger(ident)
        kit.time.advance(1)
    return ident


async def pages_of(counter: Counter, job_id: str, limit: int) -> AsyncIterator[VersionsView]:
    cursor: str | None = None
    while True:
        page = await counter.server.versions(job_id, cursor=cursor, limit=limit)
        yield page
        if (cursor := page.next_cursor) is None:
            return


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 13, 14])
async def test_pages_are_the_whole_in_parts(limit: int, counter: Counter, job_id: str) -> None:
    whole = await counter.server.versions(job_id, cursor=None, limit=100)
    assert (len(whole.changes), len(whole.skipped), whole.next_cursor) == (14, 3, None)
    told = [change.spec["description"] for change in whole.changes if change.spec]
    assert (told, whole.changes[-1].kind) == (["3", "2", "1", "0"], "submitted")
    pages = [page async for page in pages_of(counter, job_id, limit)]
    assert [change for page in pages for change in page.changes] == [*whole.changes]
    assert [skip for page in pages for skip in page.skipped] == [*whole.skipped]
    assert max(max(len(page.changes), len(page.skipped)) for page in pages) <= limit
    assert all(page.changes or page.skipped for page in pages)


async def test_a_page_of_the_history_in_a_story_goes_on_where_the_last_one_ended(
    counter: Counter, job_id: str
) -> None:
    first = await counter.server.versions(job_id, cursor=None, limit=5)
    behind = Paging(limit=5, cursor=first.next_cursor)
    story = await counter.server.story(job_id, tasks=ONE, waits=ONE, errors=ONE, history=behind, instants=1)
    assert story.versions == await counter.server.versions(job_id, cursor=first.next_cursor, limit=5)
    assert story.versions != first


async def test_a_cursor_of_another_job_is_refused(counter: Counter, job_id: str) -> None:
    other = (await counter.server.submit(spec(schedule=every(10)))).id
    cursor = (await counter.server.versions(job_id, cursor=None, limit=12)).next_cursor
    for wrong in (cursor, "x", encode_cursor("history", NOW, other)):
        with pytest.raises(InvalidInput, match="not a cursor of this list"):
            await counter.server.versions(other, cursor=wrong, limit=5)


@pytest.mark.parametrize("limit", [1, 2, 4, 5, 6])
async def test_what_open_tasks_wait_for_is_told_page_by_page(
    limit: int, counter: Counter, job_id: str
) -> None:
    whole = await counter.server.why(job_id, cursor=None, limit=100)
    assert (len(whole.tasks), whole.next_cursor) == (5, None)
    assert list(whole.tasks) == sorted(whole.tasks, key=lambda wait: wait.instant)
    told, cursor = list[Wait](), None
    while True:
        why = await counter.server.why(job_id, cursor=cursor, limit=limit)
        assert (why.text, len(why.tasks)) == (whole.text, min(limit, 5 - len(told)))
        here = Paging(limit=limit, cursor=cursor)
        story = await counter.server.story(
            job_id, tasks=ONE, waits=here, errors=ONE, history=None, instants=1
        )
        assert story.why == why
        told += why.tasks
        if (cursor := why.next_cursor) is None:
            break
    assert told == [*whole.tasks]
    standing = [await counter.server.standing(wait.task_id, errors=ONE) for wait in told]
    assert [one.wait for one in standing] == told


async def test_behind_the_last_open_task_a_job_is_not_about_to_be_completed(
    counter: Counter, kit: StoreKit
) -> None:
    """Others of its tasks are open, on the page before."""
    job_id = (await counter.server.submit(spec(schedule={"kind": "once", "at": "2026-11-23T09:00:00Z"}))).id
    await counter.server.trigger(job_id)
    first = await counter.server.why(job_id, cursor=None, limit=1)
    (late,) = [task for task in await kit.tasks_of(job_id) if task.count]
    await counter.server.skip_next(job_id)
    behind = await counter.server.why(job_id, cursor=first.next_cursor, limit=1)
    assert (behind.tasks, behind.next_cursor) == ((), None)
    assert "about to be completed" not in behind.text
    assert (await counter.server.standing(late.id, errors=ONE)).wait is None


async def test_the_errors_of_a_task_and_of_its_job_are_told_page_by_page(
    counter: Counter, kit: StoreKit
) -> None:
    job_id = (await counter.server.submit(spec(retry={"max_attempts": 9}))).id
    (task,) = await kit.tasks_of(job_id)
    for number in range(5):
        await kit.commit(await kit.claim(task), retry(f"error {number}", due_at=NOW))
        kit.time.advance(1)
    for limit, sizes in ((2, [2, 2, 1]), (5, [5]), (100, [5])):
        for page_of in (partial(counter.server.task, task.id), partial(counter.server.errors, job_id)):
            pages, cursor = list[list[str]](), None
            while True:
                page = await page_of(cursor=cursor, limit=limit)
                pages.append([error.error for error in page.errors])
                if (cursor := page.next_cursor) is None:
                    break
            assert [len(errors) for errors in pages] == sizes
            assert [error for errors in pages for error in errors] == [f"error {n}" for n in (4, 3, 2, 1, 0)]
