"""Dead letters in pages: what they died of, and how many are new."""

import re
from datetime import UTC, datetime
from html import unescape
from urllib.parse import parse_qs, urlsplit

import pytest

from karya.api.pages.letternews import count_page
from karya.core.ports import Page
from karya.core.queries import LetterQuery
from karya.core.task import TaskState
from karya.core.user import Role
from karya.core.views.lines import LetterLine
from tests.support.story import NOW, at
from tests.unit.api.pages.conftest import Visitor

ASYNC = pytest.mark.asyncio(loop_scope="module")


async def bury(visitor: Visitor, job: dict[str, object], *errors: str) -> None:
    """A job of nobody for each of these errors, dead of it."""
    jobs = visitor.memory.services.jobs
    for error in errors:
        job_id = (await jobs.submit(jobs.spec_type.model_validate(job))).id
        tasks = visitor.memory.services.jobs.stored_tasks[job_id]
        died = {"status": TaskState.DEAD, "error": error, "finished_at": datetime.now(UTC)}
        tasks[0] = tasks[0].model_copy(update=died)


def links(page: str, label: str) -> list[str]:
    return [unescape(link) for link in re.findall(rf'href="([^"]*)"[^>]*>{re.escape(label)}<', page)]


@ASYNC
async def test_each_error_leads_to_its_dead_letters(visitor: Visitor, job: dict[str, object]) -> None:
    await visitor.sign_in("grouping", Role.ADMIN)
    await bury(visitor, job, "down & out", "down again", "late", "down & out")
    status, page = await visitor.get("/ui/dead-letters/errors?step=main&text=down")
    assert status == 200
    assert re.findall(r'data-label="Dead letters">(\d+)<', page) == ["2", "1"]
    (link,) = links(page, "down &amp; out")
    assert parse_qs(urlsplit(link).query) == {"step": ["main"], "text": ["down & out"]}
    (back,) = links(page, "One by one")
    status, page = await visitor.get(back)
    (there,) = links(page, "By error")
    assert parse_qs(urlsplit(there).query) == {"step": ["main"], "text": ["down"]}
    status, page = await visitor.get("/ui/dead-letters/errors?died_after=yesterday")
    assert status == 200 and "died_after: " in page


@ASYNC
async def test_a_page_asks_how_many_are_new_and_is_told_in_words(
    visitor: Visitor, job: dict[str, object]
) -> None:
    await visitor.sign_in("counting", Role.ADMIN)
    _, page = await visitor.get("/ui/dead-letters?step=main")
    (where,) = re.findall(r'data-count="([^"]*)"', page)
    assert (await visitor.get(unescape(where))) == (200, "")
    for expected in ("1 new dead letter", "2 new dead letters"):
        await bury(visitor, job, "late")
        assert (await visitor.get(unescape(where))) == (200, expected)
    _, page = await visitor.get("/ui/dead-letters?cursor=1")
    assert "data-count" not in page, "who looks at older ones is not told of new ones"


def line(seconds: float) -> LetterLine:
    return LetterLine("task", "job", "", "main", NOW, at(seconds), "late", 1)


@pytest.mark.parametrize(
    ("lines", "filters", "since"),
    [
        ([line(5), line(1)], {}, "2026-11-23T08:00:05.001Z"),
        ([line(5)], {"died_after": at(1)}, "2026-11-23T08:00:05.001Z"),
        ([], {}, "2026-11-23T07:59:00.000Z"),
        ([], {"died_after": at(1)}, "2026-11-23T08:00:01.000Z"),
    ],
)
def test_new_is_what_died_after_the_first_that_is_shown(
    lines: list[LetterLine], filters: dict[str, object], since: str
) -> None:
    query = LetterQuery.model_validate(filters)
    given = {"text": "late", "died_after": "whatever it was", "cursor": ""}
    where = count_page(given, query, Page(tuple(lines), None), NOW)
    assert parse_qs(urlsplit(where).query) == {"text": ["late"], "died_after": [since]}
