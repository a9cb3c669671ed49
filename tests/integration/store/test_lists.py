"""Every list that the API and the pages show is read along an index, in its order, and no further than a
page: however much else is stored, and however long the history of the one that is looked at."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import pytest

from karya.core.ids import new_id
from karya.core.job import JobState
from karya.core.misfire import SkipRange
from karya.core.ports import Commit
from karya.core.ports.lifecycle import ChangeKind
from karya.core.queries import JobQuery, LetterQuery
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.core.transitions import Move, Transition
from karya.core.user import TokenSpec, User, new_token
from karya.store.changes import change_document
from karya.store.plans import MongoPlans
from karya.store.skips import skip_document
from karya.store.tokens import MongoTokens
from tests.conformance.store.kit import TTL, StoreKit
from tests.support.commands import RECORDER, Command, plans
from tests.support.lists import LISTS as PAGED
from tests.support.mongo import Mongo
from tests.support.story import (
    NOW,
    a_job,
    another_task,
    at,
    bury,
    child_of,
    first_task,
    hint_of,
    retry,
    submission,
    succeed,
)

PAGE = 20
FEW = 10


SEARCHES = {"jobs by text", "jobs by number"}
"""What passes over others to find its page: a search, bounded by time, and the numbered pages of upstream."""


def died(finished_at: datetime) -> Transition:
    """The end of a task that failed for good."""
    return Transition(Move.BURY, {**bury().changes, "finished_at": finished_at})


def names_ids(command: Command) -> bool:
    """Of a page that was read: what belongs to it."""
    return "$in" in command["filter"].get("_id", {})


class Listed:
    """One job with much history and much that is open, among others; more of everything than fits a page."""

    def __init__(self, kit: StoreKit, mongo: Mongo) -> None:
        self.kit, self.mongo = kit, mongo
        self.tokens, self.plans = MongoTokens(mongo.asynchronous), MongoPlans(mongo.asynchronous)
        self.jobs = [
            a_job(Once(at=NOW), user_id=("ann", "bob")[n % 2], tags=("tag",), description=f"number {n}")
            for n in range(120)
        ]
        self.big = a_job(user_id="ann", created_at=at(0.5))
        self.tasks = [another_task(self.big, number) for number in range(1, 240)]
        self.children = [child_of(self.big, created_at=at(1)) for _ in range(60)]
        self.user = User(id=new_id(NOW), name="ann", created_at=NOW)

    async def fill(self) -> None:
        kit, big = self.kit, self.big
        await kit.add(*map(submission, self.jobs), submission(big, *self.tasks))
        for number in range(2 * PAGE + 1):
            same = a_job(Once(at=at(900)), name="same", set="night", created_at=at(0.4))
            await kit.add(submission(same))
            await kit.jobs.cancel(same.id, at(number))
        await kit.add(*map(submission, self.children))
        kit.time.advance(300)
        for tasks in ([first_task(job) for job in self.jobs], self.tasks[:160]):
            claims = await kit.claims.claim([hint_of(task) for task in tasks], "w", TTL)
            ends = [
                succeed() if place % 5 == 1 else died(at(1 + place // 100)) for place in range(len(claims))
            ]
            pairs = zip(claims, ends, strict=True)
            commits = [Commit(claim.hint.task_id, claim.lease_id, end) for claim, end in pairs]
            await kit.commits.commit(commits, at(300))
        self.failing = self.tasks[-1]
        for _ in range(50):
            await kit.commit(await kit.claim(self.failing), retry(due_at=NOW))
        for number in range(30):
            await kit.lifecycle.pause(big.id, at(301 + number))
            await kit.lifecycle.resume(big.id, at(301 + number))
        update = {**change_document(big.id, ChangeKind.UPDATED, 2, at(400)), "spec": "{}"}
        await self.mongo.asynchronous["job_changes"].insert_one(update)
        ranges = [SkipRange(at(n), at(n), 1, "late") for n in range(60)]
        skips = [skip_document(job, one, at(300)) for job in (big, self.jobs[0]) for one in ranges]
        await self.mongo.asynchronous["skips"].insert_many(skips)
        for number in range(60):
            await kit.users.add(User(id=new_id(NOW), name=f"user {number}", created_at=NOW))
            for owner in ("ann", "bob"):
                await self.tokens.add(new_token(TokenSpec(user_id=owner), NOW)[0])

    async def pages(self, of: Callable[..., Awaitable[Any]], **wanted: Any) -> None:
        """The first and the second, both of them full."""
        first = await of(cursor=None, limit=PAGE, **wanted)
        second = await of(cursor=first.next_cursor, limit=PAGE, **wanted)
        assert len(first.items) == len(second.items) == PAGE

    async def letters(self, **wanted: Any) -> None:
        await self.pages(lambda **page: self.kit.letters.find(LetterQuery(**wanted), **page))

    async def history(self) -> None:
        """Its first and its second page, both of them full."""
        cursor: str | None = None
        for _ in range(2):
            page = await self.kit.history.page(self.big.id, cursor=cursor, limit=PAGE)
            assert len(page.changes) == len(page.skipped) == PAGE
            cursor = page.next_cursor

    async def found(self, **wanted: Any) -> None:
        await self.pages(lambda **page: self.kit.jobs.list(JobQuery(**wanted), **page))


LISTS: dict[str, Callable[[Listed], Awaitable[Any]]] = {
    "jobs": lambda s: s.found(),
    "jobs of a user": lambda s: s.found(user_id="bob"),
    "jobs of a status": lambda s: s.found(status=JobState.ACTIVE),
    "jobs of a tag": lambda s: s.found(tag="tag"),
    "jobs of a name": lambda s: s.found(name="same"),
    "jobs of a set": lambda s: s.found(set="night"),
    "jobs by text": lambda s: s.found(text="number"),
    "jobs of a time": lambda s: s.found(created_after=NOW, created_before=at(0.2)),
    "jobs by number": lambda s: s.plans.page("bob", 1, PAGE),
    "jobs chained by a job": lambda s: s.kit.jobs.descendants(s.big.id, [JobState.ACTIVE], None, PAGE),
    "tasks": lambda s: s.pages(lambda **page: s.kit.tasks.of_job(s.big.id, **page)),
    "open tasks": lambda s: s.pages(lambda **page: s.kit.tasks.open_of_job(s.big.id, **page)),
    "errors of a job": lambda s: s.pages(lambda **page: s.kit.error_logs.of_job(s.big.id, **page)),
    "errors of a task": lambda s: s.pages(lambda **page: s.kit.error_logs.of_task(s.failing.id, **page)),
    "dead letters": lambda s: s.letters(),
    "dead letters of a user": lambda s: s.letters(user_id="bob"),
    "dead letters of a job": lambda s: s.letters(job_id=s.big.id),
    "dead letters of a time": lambda s: s.letters(died_after=NOW, died_before=at(2)),
    "groups of dead letters": lambda s: s.kit.letters.groups(LetterQuery(), PAGE, 9),
    "groups of a user": lambda s: s.kit.letters.groups(LetterQuery(user_id="bob", text="boom"), PAGE, 9),
    "groups of a job": lambda s: s.kit.letters.groups(LetterQuery(job_id=s.big.id), PAGE, 9),
    "dead letters by text": lambda s: s.letters(text="boom"),
    "lines of dead letters": lambda s: s.pages(lambda **page: s.kit.letters.lines(LetterQuery(), **page)),
    "what was done to a job and skipped of it": lambda s: s.history(),
    "users": lambda s: s.pages(s.kit.users.list),
    "tokens": lambda s: s.pages(s.tokens.of_user, user_id="ann"),
}


NOT_OF_THE_API = {
    "jobs by number": "the numbered pages of upstream",
    "jobs chained by a job": "what a cancel reaches",
    "lines of dead letters": "the page of dead letters",
    "groups of dead letters": "what dead letters died of, the most frequent errors of the latest 10,000",
    "groups of a user": "the same",
    "groups of a job": "the same",
}


def test_every_list_of_the_api_is_explained_here() -> None:
    of_the_api = [name for one in PAGED.values() for name in one.queries]
    assert sorted([*of_the_api, *NOT_OF_THE_API]) == sorted(LISTS)


@pytest.fixture
async def said(kit: StoreKit, mongo: Mongo) -> dict[str, list[Command]]:
    """What the store says to MongoDB for each of the lists."""
    listed = Listed(kit, mongo)
    await listed.fill()
    assert (await kit.tasks.counts(listed.big.id, 999)).of == {
        TaskState.READY: 80,
        TaskState.SUCCEEDED: 32,
        TaskState.DEAD: 128,
    }
    said: dict[str, list[Command]] = {}
    for name, ask in LISTS.items():
        with RECORDER.recorded() as said[name]:
            await ask(listed)
    return said


async def test_every_list_is_read_along_an_index_and_no_further_than_its_page(
    said: dict[str, list[Command]], mongo: Mongo
) -> None:
    problems = []
    for name, commands in said.items():
        found = plans(mongo.blocking, commands)
        assert found, f"{name} asks nothing"
        for plan in found:
            if {"COLLSCAN", "SORT"} & set(plan.stages) or ("IDHACK" not in plan.stages and not plan.indexes):
                problems.append(f"{name}: no index for {plan}")
            if name not in SEARCHES and plan.command.get("limit") and plan.keys > plan.returned + FEW:
                problems.append(f"{name}: reads too much: {plan}")
            if "find" in plan.command and plan.command.get("limit", 0) > PAGE + 1:
                problems.append(f"{name}: more than a page: {plan}")
            if "find" in plan.command and "limit" not in plan.command and not names_ids(plan.command):
                problems.append(f"{name}: not limited: {plan}")
    assert not problems, "\n".join(problems)
