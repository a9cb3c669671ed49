"""Cursors of every list: what no list has given is refused, and where one goes on is where its page ended,
whatever comes, goes or changes meanwhile."""

import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import pytest

from karya.core.errors import InvalidInput
from karya.core.hint import hint_of
from karya.core.ids import new_id
from karya.core.job import JobState
from karya.core.ports import Commit
from karya.core.queries import JobQuery, LetterQuery
from karya.core.schedule import Once
from karya.core.user import TokenSpec, User, new_token
from karya.store.tokens import MongoTokens
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.mongo import Mongo
from tests.support.story import (
    NOW,
    a_job,
    another_task,
    at,
    bury,
    first_task,
    retry,
    submission,
    succeed,
)

MANY = 7
FOREIGN = ["", "x", "!!!!", "AAAA", "é", "\0", "a" * 10_000, '{"$gt":""}', base64.b64encode(b"1/2").decode()]


class World:
    """Of every list one that has seven entries, many of them of one instant, among those of others."""

    def __init__(self, kit: StoreKit, mongo: Mongo) -> None:
        self.kit, self.mongo = kit, mongo
        self.tokens = MongoTokens(mongo.asynchronous)
        self.jobs = [a_job(user_id=("ann", "bob")[n % 2], created_at=at(n)) for n in range(2 * MANY)]
        self.open, self.bad, self.failing = (a_job(Once(at=at(n)), user_id="cat") for n in range(3))
        self.dead = [first_task(self.bad), *(another_task(self.bad, n) for n in range(1, MANY))]

    async def fill(self) -> None:
        kit = self.kit
        await kit.add(*map(submission, self.jobs))
        await kit.add(submission(self.open, *(another_task(self.open, n) for n in range(1, MANY))))
        await kit.add(submission(self.bad, *self.dead[1:]), submission(self.failing))
        kit.time.advance(60)
        claims = await kit.claims.claim([hint_of(task) for task in self.dead], "w", TTL)
        await kit.commits.commit([Commit(one.hint.task_id, one.lease_id, bury()) for one in claims], NOW)
        for _ in range(MANY):
            await kit.commit(await kit.claim(first_task(self.failing)), retry(due_at=NOW))
        for number in range(MANY):
            await kit.users.add(User(id=new_id(NOW), name=f"user {number}", created_at=NOW))
            await self.tokens.add(new_token(TokenSpec(user_id="ann"), NOW)[0])
            await kit.lifecycle.pause(self.open.id, at(number))
            await kit.lifecycle.resume(self.open.id, at(number))


@dataclass(frozen=True)
class Listed:
    """A list, and how a document looks that would come before all others in it."""

    page: Callable[..., Awaitable[Any]]
    collection: str
    at_the_front: Mapping[str, Any] = field(default_factory=dict)


LISTS: Mapping[str, Listed] = {
    "jobs": Listed(lambda w, **page: w.kit.jobs.list(JobQuery(user_id="ann"), **page), "jobs"),
    "users": Listed(lambda w, **page: w.kit.users.list(**page), "users", {"name": "the latest"}),
    "tokens": Listed(lambda w, **page: w.tokens.of_user("ann", **page), "tokens", {"digest": "the latest"}),
    "tasks": Listed(lambda w, **page: w.kit.tasks.of_job(w.open.id, **page), "tasks", {"instant": at(999)}),
    "open tasks": Listed(
        lambda w, **page: w.kit.tasks.open_of_job(w.open.id, **page), "tasks", {"instant": at(-999)}
    ),
    "errors of a job": Listed(
        lambda w, **page: w.kit.error_logs.of_job(w.bad.id, **page), "error_logs", {"at": at(999)}
    ),
    "errors of a task": Listed(
        lambda w, **page: w.kit.error_logs.of_task(first_task(w.failing).id, **page),
        "error_logs",
        {"at": at(999)},
    ),
    "dead letters": Listed(
        lambda w, **page: w.kit.letters.find(LetterQuery(), **page), "tasks", {"finished_at": at(999)}
    ),
    "lines of dead letters": Listed(
        lambda w, **page: w.kit.letters.lines(LetterQuery(), **page), "tasks", {"finished_at": at(999)}
    ),
}
SAME = {"dead letters", "lines of dead letters"}
"""One list, read in two ways."""


@pytest.fixture
async def world(kit: StoreKit, mongo: Mongo) -> World:
    world = World(kit, mongo)
    await world.fill()
    return world


@pytest.fixture(params=sorted(LISTS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def page_of(world: World, name: str, cursor: str | None, limit: int) -> tuple[list[str], str | None]:
    """The ids on one page, and the cursor behind it."""
    page = await LISTS[name].page(world, cursor=cursor, limit=limit)
    return [one.id for one in page.items], page.next_cursor


async def rest_of(world: World, name: str, cursor: str | None, limit: int) -> list[list[str]]:
    """All pages from there on."""
    pages = list[list[str]]()
    while not pages or cursor is not None:
        ids, cursor = await page_of(world, name, cursor, limit)
        pages.append(ids)
        assert len(pages) <= MANY, "a page that comes again, or an empty one at the end"
    return pages


async def test_pages_are_the_whole_in_parts(world: World, name: str) -> None:
    (whole,) = await rest_of(world, name, None, 100)
    assert len({*whole}) == len(whole) == MANY
    for limit, sizes in ((1, [1] * 7), (3, [3, 3, 1]), (6, [6, 1]), (7, [7]), (8, [7])):
        pages = await rest_of(world, name, None, limit)
        assert [len(ids) for ids in pages] == sizes
        assert list(chain(*pages)) == whole


async def test_a_page_begins_where_the_one_before_ended_whatever_comes_and_goes(
    world: World, name: str
) -> None:
    (whole,) = await rest_of(world, name, None, 100)
    first, cursor = await page_of(world, name, None, 3)
    stored = world.mongo.blocking[LISTS[name].collection]
    before = stored.find_one({"_id": whole[0]})
    assert before is not None
    front = {**before, "_id": new_id(at(999)), **LISTS[name].at_the_front}
    stored.delete_many({"_id": {"$in": [whole[0], whole[2], whole[4]]}})
    stored.insert_one(front)
    assert first == whole[:3]
    assert list(chain(*await rest_of(world, name, cursor, 2))) == [whole[3], *whole[5:]]
    assert (await page_of(world, name, None, 2))[0] == [front["_id"], whole[1]]


async def test_behind_the_end_there_is_nothing(world: World, name: str) -> None:
    first, cursor = await page_of(world, name, None, 3)
    world.mongo.blocking[LISTS[name].collection].delete_many({"_id": {"$nin": first}})
    assert await page_of(world, name, cursor, 3) == ([], None)


async def test_what_the_list_has_not_given_is_refused(world: World, name: str) -> None:
    same = SAME if name in SAME else {name}
    given = [await page_of(world, other, None, 3) for other in LISTS.keys() - same]
    history = await world.kit.history.page(world.open.id, cursor=None, limit=3)
    for cursor in [*FOREIGN, *(cursor for _, cursor in given), history.next_cursor]:
        with pytest.raises(InvalidInput, match="not a cursor of this list") as refused:
            await page_of(world, name, cursor, 3)
        assert [error.field for error in refused.value.errors] == ["cursor"]


async def test_a_history_takes_its_own_cursors_only(world: World) -> None:
    given = [(await page_of(world, name, None, 3))[1] for name in LISTS]
    for cursor in [*FOREIGN, *given]:
        with pytest.raises(InvalidInput, match="not a cursor of this list"):
            await world.kit.history.page(world.open.id, cursor=cursor, limit=3)


@pytest.mark.parametrize("change", ["!{}", "{}!", "{}\n", "{}====", " {}"])
async def test_a_changed_cursor_is_refused(world: World, name: str, change: str) -> None:
    _, cursor = await page_of(world, name, None, 3)
    with pytest.raises(InvalidInput, match="not a cursor of this list"):
        await page_of(world, name, change.format(cursor), 3)


async def test_a_cursor_is_a_place_and_shows_nothing_of_whoever_got_it(world: World) -> None:
    """Of another user's list, or of that of another job, it is where the same place is in one's own."""
    kit = world.kit
    anns = await kit.jobs.list(JobQuery(user_id="ann"), cursor=None, limit=3)
    bobs = await kit.jobs.list(JobQuery(user_id="bob"), cursor=anns.next_cursor, limit=100)
    assert list(bobs.items) == [job for job in world.jobs[::-1] if job.user_id == "bob"][3:]
    open_tasks = await kit.tasks.of_job(world.open.id, cursor=None, limit=3)
    others = await kit.tasks.of_job(world.bad.id, cursor=open_tasks.next_cursor, limit=100)
    last = open_tasks.items[-1]
    behind = {task.id for task in world.dead if (task.instant, task.id) < (last.instant, last.id)}
    assert {task.id for task in others.items} == behind


async def test_what_changes_its_state_between_two_pages_is_on_one_of_them_at_most(world: World) -> None:
    kit = world.kit
    active = JobQuery(user_id="ann", status=JobState.ACTIVE)
    first = await kit.jobs.list(active, cursor=None, limit=3)
    anns = [job for job in world.jobs[::-1] if job.user_id == "ann"]
    for job in (anns[2], anns[4]):
        await kit.jobs.cancel(job.id, at(60))
    second = await kit.jobs.list(active, cursor=first.next_cursor, limit=100)
    assert [job.id for job in second.items] == [anns[3].id, anns[5].id, anns[6].id]

    waiting = await kit.tasks.open_of_job(world.open.id, cursor=None, limit=3)
    for number in (2, 4):
        await kit.commit(await kit.claim(another_task(world.open, number)), succeed())
    rest = await kit.tasks.open_of_job(world.open.id, cursor=waiting.next_cursor, limit=100)
    assert [task.id for task in rest.items] == [another_task(world.open, n).id for n in (3, 5, 6)]

    letters = (await kit.letters.find(LetterQuery(), cursor=None, limit=100)).items
    dead = await kit.letters.find(LetterQuery(), cursor=None, limit=3)
    for letter in (letters[2], letters[4]):
        assert await kit.letters.redrive(letter.id, at(60))
    left = await kit.letters.find(LetterQuery(), cursor=dead.next_cursor, limit=100)
    assert [task.id for task in left.items] == [letters[number].id for number in (3, 5, 6)]
