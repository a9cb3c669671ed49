"""Every query of the store is answered by an index, in the order of an index, and reads little more than
it returns; every write waits for a majority and its journal; every list leaves no open cursor behind."""

import inspect
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from karya.core.hint import hint_of
from karya.core.job import JobState
from karya.core.limits import Concurrency, Rate
from karya.core.occurrence import occurrence_tasks, triggered
from karya.core.policies import Misfire, MisfirePolicy, Overlap
from karya.core.ports import Commit, Gap
from karya.core.ports.ledger import Place
from karya.core.ports.looks import Extent
from karya.core.queries import AuditQuery, JobQuery, LetterQuery, Paging
from karya.core.schedule import Once
from karya.core.user import User, UserChange
from karya.store.directory import LockDirectory
from tests.conformance.store.kit import TTL, StoreKit
from tests.integration.store.conftest import Mongo
from tests.support.commands import RECORDER, Command, plans
from tests.support.story import (
    NOW,
    ON_COMPLETION,
    ON_FAILURE,
    ON_MISFIRE,
    a_job,
    another_task,
    at,
    bury,
    due,
    every,
    first_task,
    release,
    retry,
    submission,
    succeed,
)

BUSY = "a user with many jobs"
SKIP = Misfire(policy=MisfirePolicy.SKIP)
GAP = Gap(NOW, at(999))
DAY = timedelta(days=1)


class Store:
    """A store with a few hundred jobs in every state, and something to call every method with."""

    def __init__(self, kit: StoreKit, mongo: Mongo) -> None:
        self.kit = kit
        self.directory = LockDirectory(mongo.asynchronous)
        self.jobs = [
            a_job(Once(at=at(n / 10)), ON_FAILURE, ON_COMPLETION, user_id=(BUSY, "rare")[n % 30 == 0])
            for n in range(300)
        ]
        self.recurring = [a_job(every(1)) for _ in range(20)]
        self.late = [a_job(every(10), ON_MISFIRE, misfire=SKIP) for _ in range(5)]
        self.capped = [a_job(every(10), misfire=Misfire(at_once=3)) for _ in range(5)]
        self.slotted = [a_job(Once(at=at(900)), overlap=Overlap.QUEUE) for _ in range(30)]
        self.runs = [occurrence_tasks(job, triggered("x", NOW), NOW)[0] for job in self.slotted]
        self.big = a_job()
        both: Any = {"concurrency": Concurrency(key="k", limit=5), "rate": Rate(key="k", limit=99, per=TTL)}
        self.limited = [a_job(Once(at=at(800)), **both) for _ in range(200)]
        self.of_pool = [a_job(Once(at=NOW), pool="gpu") for _ in range(120)]
        self.of_set = [a_job(Once(at=at(900)), set="night") for _ in range(100)]

    async def fill(self) -> None:
        kit = self.kit
        tasks = [another_task(self.big, number) for number in range(1, 150)]
        await kit.add(submission(self.big, *tasks), *map(submission, (*self.jobs, *self.recurring)))
        await kit.add(*map(submission, (*self.late, *self.capped, *self.of_pool)))
        await self.fill_names()
        await kit.add(*(submission(job, task) for job, task in zip(self.slotted, self.runs, strict=True)))
        await kit.add(*map(submission, self.limited))
        kit.admissions.admit([hint_of(task) for task in self.runs[:20]], NOW)
        kit.time.advance(60)
        self.claims = list(
            await kit.claims.claim([hint_of(first_task(j)) for j in self.jobs[:150]], "w", TTL)
        )
        moves = [succeed(), retry(), bury(), release(), None] * 30
        ends = zip(self.claims, moves, strict=True)
        commits = [Commit(claim.hint.task_id, claim.lease_id, move) for claim, move in ends if move]
        await kit.commits.commit(commits, NOW)
        self.held = self.claims[4::5]
        await kit.jobs.complete_solo([job.id for job in self.jobs[200:220]], NOW)
        for job in self.jobs[220:225]:
            await kit.jobs.cancel(job.id, NOW)

    async def fill_names(self) -> None:
        await self.kit.add(*map(submission, self.of_set), submission(a_job(Once(at=at(900)), name="live")))
        for _ in range(60):
            job = a_job(Once(at=at(900)), name="completed")
            await self.kit.add(submission(job))
            await self.kit.jobs.complete_solo([job.id], NOW)

    def commit(self, *moves: Any) -> Any:
        held = [(self.held.pop(), move) for move in moves]
        return self.kit.commits.commit([Commit(c.hint.task_id, c.lease_id, move) for c, move in held], NOW)

    def page(self, cursor: str | None = None, **filters: Any) -> Any:
        return self.kit.jobs.list(JobQuery(**filters), cursor=cursor, limit=20)

    async def second_page(self, **filters: Any) -> Any:
        return await self.page(cursor=(await self.page(**filters)).next_cursor, **filters)

    async def second_tasks(self) -> None:
        first = await self.kit.tasks.of_job(self.big.id, cursor=None, limit=20)
        await self.kit.tasks.of_job(self.big.id, cursor=first.next_cursor, limit=20)

    def due_page(self, pool: str = "default") -> Any:
        after = self.kit.agenda.due(at(60), None, 50, pool)[-1].hint
        return self.kit.agenda.due(at(60), (after.due_at, after.task_id), 20, pool)

    def key_page(self) -> Any:
        last = self.kit.agenda.keys(at(60), None, 50)[-1]
        return self.kit.agenda.keys(at(60), (last.due_at, last.task_id), 20)

    async def swept(self) -> None:
        """Twenty-five have a slot: to the end of them."""
        for _ in range(4):
            await self.kit.slots.abandoned(at(1), 8)

    async def release(self) -> None:
        kit, hints = self.kit, [hint_of(task) for task in self.runs[:3]]
        claims = await kit.claims.claim(hints, "w", TTL)
        await kit.commits.commit([Commit(c.hint.task_id, c.lease_id, succeed()) for c in claims], NOW)
        assert len(await kit.slots.abandoned(at(1), 50)) == 3
        await kit.slots.release([(hint.job_id, hint.cause or "") for hint in hints], NOW)

    async def limit(self) -> None:
        """Some of them are parked."""
        self.kit.time.advance(800)
        hints = [hint_of(first_task(job)) for job in self.limited[:8]]
        self.seated = list(await self.kit.claims.claim(hints, "w", TTL))
        assert len(self.seated) == 5

    async def unseat(self) -> None:
        for claim in self.seated[:2]:
            await self.kit.commit(claim, succeed())

    def taken(self) -> Any:
        limits = first_task(self.limited[0]).limits
        return self.kit.tasks.taken([limits] if limits else [])

    async def again(self) -> None:
        sheet = await self.kit.ledger.sheet(AuditQuery(job_id=self.jobs[2].id), None)
        await self.kit.ledger.again(sheet.entries[0])

    def lock(self) -> Any:
        lease = self.kit.locks.acquire("lock", "w", TTL, {})
        assert lease
        self.kit.locks.renew(lease, TTL)
        self.kit.locks.release(lease)


FEW = 10
_PAGE = Paging(limit=20)
LOOK = Extent(tasks=_PAGE, open_tasks=_PAGE, errors=_PAGE, history=_PAGE, dead=50)
WRITES = {"insert", "update", "findAndModify", "delete"}
CALLS: dict[str, Callable[[Store], Any]] = {
    "submit": lambda s: s.kit.add(submission(a_job())),
    "submit again": lambda s: s.kit.add(submission(s.big)),
    "get": lambda s: s.kit.jobs.get(s.big.id),
    "list": lambda s: s.second_page(),
    "list of user": lambda s: s.second_page(user_id=BUSY),
    "list of rare user": lambda s: s.page(user_id="rare"),
    "list of status": lambda s: s.second_page(status=JobState.ACTIVE),
    "list of rare status": lambda s: s.page(status=JobState.CANCELLED),
    "list of user and status": lambda s: s.second_page(user_id=BUSY, status=JobState.ACTIVE),
    "list of rare user and status": lambda s: s.page(user_id="rare", status=JobState.CANCELLED),
    "named": lambda s: s.kit.jobs.named(None, ["live", "completed", "unknown"]),
    "list of a name": lambda s: s.page(name="completed"),
    "list of a set": lambda s: s.second_page(set="night"),
    "cancel": lambda s: s.kit.jobs.cancel(s.big.id, NOW),
    "complete solo": lambda s: s.kit.jobs.complete_solo([s.big.id], NOW),
    "settle": lambda s: s.kit.jobs.settle([job.id for job in s.jobs[:10]], NOW),
    "unsettled": lambda s: s.kit.jobs.unsettled(at(20), None, 20),
    "unsettled, on": lambda s: s.kit.jobs.unsettled(at(20), (at(5), s.jobs[50].id), 20),
    "half cancelled": lambda s: s.kit.jobs.half_cancelled(at(20), None, 20),
    "half cancelled, on": lambda s: s.kit.jobs.half_cancelled(at(20), (NOW, s.jobs[222].id), 20),
    "task": lambda s: s.kit.tasks.get(first_task(s.big).id),
    "tasks": lambda s: s.second_tasks(),
    "counts": lambda s: s.kit.tasks.counts(s.jobs[0].id, FEW),
    "counts of a busy job": lambda s: s.kit.tasks.counts(s.big.id, FEW),
    "cancel tasks": lambda s: s.kit.tasks.cancel_of_job(s.jobs[4].id, NOW),
    "claim": lambda s: s.kit.claims.claim([hint_of(first_task(job)) for job in s.jobs[149:160]], "w", TTL),
    "renew": lambda s: s.kit.claims.renew({c.hint.task_id: c.lease_id for c in s.held}, TTL),
    "expired": lambda s: s.kit.claims.expired(20),
    "due to be forgotten": lambda s: s.kit.retention.expire(NOW + 9 * DAY, 20),
    "expired by server": lambda s: s.kit.server_claims.expired(20),
    "commit success": lambda s: s.commit(succeed("1"), succeed("1"), succeed("2")),
    "commit failure": lambda s: s.commit(retry(), bury(), release(), succeed()),
    "count of dead letters": lambda s: s.kit.letters.count(LetterQuery(), 20),
    "groups of dead letters": lambda s: s.kit.letters.groups(LetterQuery(text="x"), 20, 9),
    "lines of dead letters": lambda s: s.kit.letters.lines(LetterQuery(), cursor=None, limit=20),
    "list with dead letters": lambda s: s.kit.jobs.list_with_dead(JobQuery(), cursor=None, limit=20, most=50),
    "look at a job": lambda s: s.kit.looks.at_job(s.jobs[2].id, LOOK),
    "look at a busy job": lambda s: s.kit.looks.at_job(s.big.id, LOOK),
    "look at a task": lambda s: s.kit.looks.at_task(first_task(s.jobs[2]).id, Paging(limit=9)),
    "errors": lambda s: s.kit.error_logs.of_job(s.jobs[1].id, cursor=None, limit=20),
    "add user": lambda s: s.kit.users.add(User(id="1", name="ann", created_at=NOW)),
    "user": lambda s: s.kit.users.get("1"),
    "change user": lambda s: s.kit.users.change("1", UserChange(weight=2)),
    "due": lambda s: s.kit.agenda.due(at(60), None, 20),
    "due, on": lambda s: s.due_page(),
    "due of a pool": lambda s: s.kit.agenda.due(at(60), None, 20, "gpu"),
    "due of a pool, on": lambda s: s.due_page("gpu"),
    "due of a pool without tasks": lambda s: s.kit.agenda.due(at(60), None, 20, "empty"),
    "keys": lambda s: s.kit.agenda.keys(at(60), None, 20),
    "keys, on": lambda s: s.key_page(),
    "ready tasks": lambda s: s.kit.agenda.tasks([first_task(job).id for job in s.jobs[170:190]]),
    "extend": lambda s: s.kit.agenda.extend([due(first_task(job)) for job in s.recurring], at(1), NOW),
    "stalled": lambda s: s.kit.agenda.stalled(at(9), at(1), 15),
    "stalled, on": lambda s: s.kit.agenda.stalled(at(9), at(1), 15),
    "keys of a share": lambda s: s.kit.agenda.keys_of(f"{BUSY}/4", at(50), 20),
    "shares": lambda s: s.kit.agenda.shares("", 20),
    "weights": lambda s: s.kit.agenda.weights(),
    "extend, late": lambda s: s.kit.agenda.extend(
        [due(first_task(j)) for j in s.late], at(999), at(999), GAP
    ),
    "extend, capped": lambda s: s.kit.agenda.extend([due(first_task(j)) for j in s.capped], at(999), at(999)),
    "catch up": lambda s: s.kit.agenda.catch_up([job.id for job in s.capped], at(999), at(999)),
    "admit": lambda s: s.kit.admissions.admit([hint_of(task) for task in s.runs[15:25]], NOW),
    "abandoned": lambda s: s.kit.slots.abandoned(at(1), 50),
    "abandoned, on": lambda s: s.swept(),
    "release": lambda s: s.release(),
    "lock": lambda s: s.lock(),
    "holder": lambda s: s.directory.holder("lock"),
    "claim within limits": lambda s: s.limit(),
    "give back": lambda s: s.unseat(),
    "claim beside those that wait": lambda s: s.kit.claims.claim(
        [hint_of(first_task(job)) for job in s.limited[40:44]], "w", TTL
    ),
    "wake": lambda s: s.kit.limits.wake(),
    "park": lambda s: s.kit.limits.park([hint_of(first_task(job)) for job in s.limited[20:40]]),
    "taken": lambda s: s.taken(),
    "vitals": lambda s: s.kit.ledger.vitals("lock"),
    "ledger": lambda s: s.kit.ledger.sheet(AuditQuery(), None),
    "ledger, on": lambda s: s.kit.ledger.sheet(AuditQuery(), Place(s.jobs[150].id)),
    "ledger of user": lambda s: s.kit.ledger.sheet(AuditQuery(user_id=BUSY), None),
    "ledger of a time": lambda s: s.kit.ledger.sheet(AuditQuery(since=at(5), until=at(15)), None),
    "ledger of job": lambda s: s.kit.ledger.sheet(AuditQuery(job_id=s.big.id), None),
    "ledger of job, on": lambda s: s.kit.ledger.sheet(AuditQuery(), Place(s.big.id, at(50))),
    "ledger of what misfired": lambda s: s.kit.ledger.sheet(AuditQuery(), Place(s.late[-1].id)),
    "ledger of job, again": lambda s: s.again(),
}


Said = dict[str, list[Command]]


def is_bounded(wanted: dict[str, Any]) -> bool:
    """Queries that the caller bounds: the steps of some jobs, or what was named."""
    parts = wanted.get("$or", [wanted])
    return any("$in" in str(wanted.get(name)) for name in ("_id", "name")) or all(
        {"job_id", "task_id"} & part.keys() for part in parts
    )


def named(command: Mapping[str, Any]) -> int:
    """How many things the caller names in a query: each is looked for, found or not."""
    values = command.get("filter", {}).values()
    return max(
        (len(value["$in"]) for value in values if isinstance(value, dict) and "$in" in value), default=0
    )


@pytest.fixture
async def said(kit: StoreKit, mongo: Mongo) -> Said:
    """What the store says to MongoDB in each of the calls."""
    store = Store(kit, mongo)
    await store.fill()
    said: Said = {}
    for name, call in CALLS.items():
        with RECORDER.recorded() as said[name]:
            answer = call(store)
            if inspect.isawaitable(answer):
                await answer
    return said


def test_every_query_is_answered_by_an_index_and_reads_little_more_than_it_returns(
    said: Said, mongo: Mongo
) -> None:
    found = {name: plans(mongo.blocking, commands) for name, commands in said.items()}
    assert {name for name, asked in found.items() if not asked} == {"submit", "add user"}, "what only writes"
    problems = []
    for name, asked in found.items():
        for plan in asked:
            if {"COLLSCAN", "SORT"} & set(plan.stages) or ("IDHACK" not in plan.stages and not plan.indexes):
                problems.append(f"{name}: no index for {plan}")
            if "find" in plan.command and plan.documents > plan.returned + FEW:
                problems.append(f"{name}: reads too much: {plan}")
            covered = "PROJECTION_COVERED" in plan.stages
            if not covered and plan.keys > 2 * max(plan.documents, plan.returned, FEW, named(plan.command)):
                problems.append(f"{name}: scans too much: {plan}")
    assert not problems, "\n".join(problems)


def test_keys_are_read_off_their_index(said: Said, mongo: Mongo) -> None:
    read = [
        plan.documents
        for name in ("keys", "keys, on", "keys of a share")
        for plan in plans(mongo.blocking, said[name])
    ]
    assert read == [0, 0, 0, 0], "the second and third are of one call"


async def test_who_settles_reads_no_more_of_a_busy_job_than_says_that_it_is_busy(
    kit: StoreKit, mongo: Mongo
) -> None:
    busy, done = a_job(), [a_job() for _ in range(3)]
    await kit.add(submission(busy, *(another_task(busy, number) for number in range(1, 1_600))))
    await kit.add(*map(submission, done))
    for job in done:
        await kit.commit(await kit.claim(first_task(job)), succeed())
    with RECORDER.recorded() as said:
        await kit.jobs.settle([busy.id, *(job.id for job in done)], NOW)
    read = [plan.documents for plan in plans(mongo.blocking, said) if plan.indexes == {"open_of_job"}]
    assert read == [500, 0], "what is left behind the first page is asked for without the busy one"
    stored = [await kit.jobs.get(job.id) for job in (busy, *done)]
    assert [job.status for job in stored if job] == [JobState.ACTIVE, *[JobState.COMPLETED] * 3]


@pytest.mark.parametrize("overlap", [Overlap.SKIP, Overlap.QUEUE, Overlap.CANCEL_RUNNING])
async def test_who_asks_for_the_slot_reads_none_of_those_that_ask_later(
    kit: StoreKit, mongo: Mongo, overlap: Overlap
) -> None:
    job = a_job(Once(at=at(900)), overlap=overlap)
    runs = [occurrence_tasks(job, triggered(f"r{n}", at(n)), NOW)[0] for n in range(3_000)]
    await kit.add(submission(job, *runs))
    kit.time.advance(60)
    with RECORDER.recorded() as said:
        for some in (runs[:1], runs[1:4], runs[4:5]):
            kit.admissions.admit([hint_of(task) for task in some], NOW)
    holder = runs[4] if overlap is Overlap.CANCEL_RUNNING else runs[0]
    await kit.commit(await kit.claim(holder), succeed())
    with RECORDER.recorded() as more:
        assert await kit.slots.abandoned(at(1), 50) == [(job.id, holder.cause)]
        await kit.slots.release([(job.id, holder.cause)], NOW)
    found = plans(mongo.blocking, said + more)
    assert {"find", "update"} <= {next(iter(plan.command)) for plan in found}
    assert [str(plan) for plan in found if max(plan.keys, plan.documents) > FEW] == []


async def test_users_with_tasks_are_skipped_to_and_not_counted_through(kit: StoreKit, mongo: Mongo) -> None:
    """However many tasks a user has, and however many users there are: a page of keys tells of the next."""
    crowd = a_job(user_id="ann")
    await kit.add(submission(crowd, *(another_task(crowd, number) for number in range(1, 40))))
    await kit.add(*(submission(a_job(user_id=f"user {number}")) for number in range(30)))
    with RECORDER.recorded() as said:
        assert kit.agenda.shares("", 3) == ["ann/4", "user 0/4", "user 1/4"]
    found = plans(mongo.blocking, said)
    assert [(plan.keys, plan.documents, plan.returned) for plan in found] == [(3, 0, 3), (3, 0, 3)]
    assert {index for plan in found for index in plan.indexes} == {"shares"}


def test_every_list_is_limited_so_that_no_cursor_stays_open(said: Said) -> None:
    problems = [
        f"{name}: {command}"
        for name, commands in said.items()
        for command in commands
        if "getMore" in command
        or ("find" in command and "limit" not in command and not is_bounded(command["filter"]))
    ]
    assert not problems, "\n".join(problems)


def test_every_write_waits_for_a_majority_and_its_journal(said: Said) -> None:
    problems = [
        f"{name}: {command}"
        for name, commands in said.items()
        for command in commands
        if ("commitTransaction" in command or (next(iter(command)) in WRITES and "autocommit" not in command))
        and command.get("writeConcern") != {"w": "majority", "j": True}
    ]
    assert not problems, "\n".join(problems)


def test_the_calls_are_heard(said: Said) -> None:
    """The other tests would pass if nothing were recorded."""
    assert [name for name, commands in said.items() if not commands] == []
    kinds = {next(iter(command)) for commands in said.values() for command in commands}
    assert kinds >= {"find", "insert", "update", "findAndModify", "aggregate", "commitTransaction"}


def test_what_is_in_time_costs_no_query_for_the_policies(said: Said) -> None:
    """Twenty jobs: one look at them, one transaction."""
    kinds = [next(iter(command)) for command in said["extend"]]
    assert kinds == ["find", "insert", "update", "commitTransaction"]


def test_what_has_no_limits_says_nothing_about_them(said: Said) -> None:
    asking = {
        name
        for name, commands in said.items()
        for command in commands
        if next(iter(command.values())) == "limits"
    }
    assert asking == {
        "claim within limits",
        "claim beside those that wait",
        "give back",
        "wake",
        "park",
        "taken",
    }
