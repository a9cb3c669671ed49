"""What was done to a job and skipped of it, read page by page from the real store."""

from collections.abc import AsyncIterator

import pytest

from karya.actors import letters
from karya.actors.server import telling
from karya.core.errors import InvalidInput
from karya.core.views import VersionsView
from karya.store.paging import encode_cursor
from tests.conformance.store.kit import StoreKit
from tests.integration.actors.counter import Counter, every, spec
from tests.support.mongo import Mongo
from tests.support.story import NOW, retry


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
    story = await counter.server.story(
        job_id, cursor=None, limit=1, instants=1, entries=5, history=first.next_cursor
    )
    assert story.versions == await counter.server.versions(job_id, cursor=first.next_cursor, limit=5)
    assert story.versions != first


async def test_a_cursor_of_another_job_is_refused(counter: Counter, job_id: str) -> None:
    other = (await counter.server.submit(spec(schedule=every(10)))).id
    cursor = (await counter.server.versions(job_id, cursor=None, limit=12)).next_cursor
    for wrong in (cursor, "x", encode_cursor(NOW, other)):
        with pytest.raises(InvalidInput, match="not a cursor of this list"):
            await counter.server.versions(other, cursor=wrong, limit=5)


async def test_it_says_where_more_tasks_are_open(
    counter: Counter, job_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = len((await counter.server.why(job_id)).tasks)
    assert whole > 3
    for most, more in ((whole - 1, True), (whole, False)):
        monkeypatch.setattr(telling, "_MOST_OPEN", most)
        why = await counter.server.why(job_id)
        assert (len(why.tasks), why.more) == (most, more)
        story = await counter.server.story(job_id, cursor=None, limit=1, instants=1, entries=0)
        assert story.why == why


@pytest.mark.parametrize(("most", "seen", "more"), [(1, 1, True), (2, 2, False), (3, 2, False)])
async def test_it_says_where_earlier_attempts_failed_too(
    most: int, seen: int, more: bool, counter: Counter, kit: StoreKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "MOST_FAILED", most)
    (task,) = await kit.tasks_of((await counter.server.submit(spec(retry={"max_attempts": 3}))).id)
    for _ in range(2):
        await kit.commit(await kit.claim(task), retry(due_at=NOW))
        kit.time.advance(1)
    story = await counter.server.task(task.id)
    assert (len(story.errors), story.more) == (seen, more)
