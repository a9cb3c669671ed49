"""Dead letters on the real store: found, redriven with what lies behind them, discarded."""

import asyncio
from datetime import timedelta

import pytest

from karya.core.action import RestAction
from karya.core.errorkinds import HEAD
from karya.core.errors import Conflict, InvalidInput, StoreUnavailable
from karya.core.job import Job
from karya.core.ports.history import LetterRepository
from karya.core.queries import JobQuery, LetterQuery
from karya.core.steps import When
from karya.core.task import Task, TaskState
from karya.core.transitions import Transition
from karya.core.views.overview import AtLeast
from karya.store.letters import MongoLetters
from karya.store.turns import Turns
from tests.conformance.store.kit import StoreKit
from tests.support.mongo import Mongo
from tests.support.story import (
    NOW,
    ON_FAILURE,
    a_job,
    at,
    bury,
    first_task,
    step,
    submission,
    succeed,
    tasks_of,
)


@pytest.fixture
def letters(kit: StoreKit) -> LetterRepository:
    return kit.letters


async def dead(kit: StoreKit, job: Job, error: str = "boom", *, died: float | None = None) -> Task:
    """Stores the job and buries its first task, which died so many seconds after NOW."""
    await kit.add(submission(job))
    task, end = first_task(job), bury(error)
    if died is not None:
        end = Transition(end.move, {**end.changes, "finished_at": at(died)})
    await kit.commit(await kit.claim(task), end)
    return await kit.task(task)


async def found(letters: LetterRepository, **query: object) -> list[str]:
    page = await letters.find(LetterQuery.model_validate(query), cursor=None, limit=100)
    return [task.id for task in page.items]


async def test_they_are_found_by_what_they_are(kit: StoreKit, letters: LetterRepository) -> None:
    mine = await dead(kit, a_job(user_id="ann"), "connection refused (10.0.0.1)")
    other = await dead(kit, a_job(), "TIMEOUT")
    await kit.add(submission(a_job()))
    assert set(await found(letters)) == {mine.id, other.id}
    assert await found(letters, user_id="ann") == [mine.id]
    assert await found(letters, job_id=other.job_id) == [other.id]
    assert await found(letters, step="main", text="timeout") == [other.id]
    assert await found(letters, text="(10.0.0.1)") == [mine.id], "a text, not a pattern"
    assert await found(letters, text=".*") == []
    assert await found(letters, died_before=at(1)) == []
    assert set(await found(letters, died_after=at(1))) == {mine.id, other.id}


async def test_their_lines_are_the_same_pages(kit: StoreKit, letters: LetterRepository) -> None:
    described, plain = a_job(user_id="ann", description="nightly report"), a_job()
    tasks = [await dead(kit, described, "TIMEOUT"), await dead(kit, plain)]
    cursors: list[str | None] = [None]
    for cursor in cursors:
        whole = await letters.find(LetterQuery(), cursor=cursor, limit=1)
        lines = await letters.lines(LetterQuery(), cursor=cursor, limit=1)
        assert [line.id for line in lines.items] == [task.id for task in whole.items]
        assert lines.next_cursor == whole.next_cursor
        cursors += [lines.next_cursor] if lines.next_cursor else []
    assert len(cursors) == len(tasks)
    (line,) = (await letters.lines(LetterQuery(user_id="ann"), cursor=None, limit=9)).items
    task = tasks[0]
    assert (line.job_id, line.title, line.step) == (described.id, "nightly report", task.step)
    assert (line.instant, line.finished_at) == (task.instant, task.finished_at)
    assert (line.error, line.attempts) == ("TIMEOUT", 1)


async def test_they_are_grouped_by_what_they_died_of(kit: StoreKit, letters: LetterRepository) -> None:
    rest = RestAction(url="http://127.0.0.1:9/")
    deaths = ((rest, "down"), (None, "down"), (None, "down"), (rest, "late"), (rest, "x" * 300))
    for second, (action, error) in enumerate(deaths):
        last = await dead(kit, a_job(user_id="ann", action=action), error, died=second)
    await kit.add(submission(a_job(user_id="ann")))
    await dead(kit, a_job(user_id="ann"), "late for order 123456\nof 1", died=2.5)
    await dead(kit, a_job(user_id="ann"), "late for order 654321", died=2.6)
    found = await letters.groups(LetterQuery(), 9, 9)
    counted = {(group.connector, group.error): group.count for group in found.groups}
    long = ("rest", "x" * HEAD)
    late = ("noop", "late for order ")
    assert counted == {("rest", "down"): 1, ("noop", "down"): 2, ("rest", "late"): 1, long: 1, late: 2}
    assert (found.looked, found.left_out) == (AtLeast(count=7), 0)
    (latest,) = (group for group in found.groups if group.error.startswith("x"))
    assert (latest.task_id, latest.latest) == (last.id, last.finished_at)
    for query, most, expected in (
        (LetterQuery(text="DOWN", step="main"), 9, (3, 7)),
        (LetterQuery(text="d.wn"), 9, (0, 7)),
        (LetterQuery(text="$error"), 9, (0, 7)),
        (LetterQuery(step="other"), 9, (0, 7)),
        (LetterQuery(user_id="bob"), 9, (0, 0)),
        (LetterQuery(job_id=last.job_id), 9, (1, 1)),
        (LetterQuery(text="down"), 2, (0, 2)),
    ):
        found = await letters.groups(query, most, 9)
        assert (sum(group.count for group in found.groups), found.looked.count) == expected, query
        assert found.looked.more is (most == 2)
        if most > 2:
            assert await letters.count(query, most) == expected[0], "as the list finds them"
    assert await letters.count(LetterQuery(), 2) == 2, "it stops there"
    cut = await letters.groups(LetterQuery(text="late"), 9, 1)
    assert ([group.count for group in cut.groups], cut.left_out) == ([2], 1)


async def test_they_are_counted_by_their_jobs(kit: StoreKit) -> None:
    mine, others = await dead(kit, a_job(user_id="ann")), await dead(kit, a_job(user_id="bob"))
    living = a_job()
    await kit.add(submission(living))
    for query, most, expected in (
        (JobQuery(), 9, {mine.job_id: 1, others.job_id: 1}),
        (JobQuery(user_id="ann"), 9, {mine.job_id: 1}),
        (JobQuery(tag="none"), 9, {}),
    ):
        page, counts = await kit.jobs.list_with_dead(query, cursor=None, limit=9, most=most)
        assert page == await kit.jobs.list(query, cursor=None, limit=9)
        assert counts == expected
    _, counts = await kit.jobs.list_with_dead(JobQuery(), cursor=None, limit=9, most=1)
    assert sum(counts.values()) == 1, "it stops there"


async def test_pages_neither_overlap_nor_leave_out(kit: StoreKit, letters: LetterRepository) -> None:
    expected = {(await dead(kit, a_job())).id for _ in range(7)}
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await letters.find(LetterQuery(), cursor=cursor, limit=3)
        seen += [task.id for task in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert len(seen) == 7
    assert set(seen) == expected
    with pytest.raises(InvalidInput):
        await letters.find(LetterQuery(), cursor="nonsense", limit=3)


async def test_a_redriven_one_is_ready_with_new_attempts(kit: StoreKit, letters: LetterRepository) -> None:
    task = await dead(kit, a_job(None, ON_FAILURE))
    assert await letters.redrive(task.id, at(60))
    again = await kit.task(task)
    assert (again.status, again.attempts, again.due_at, again.reason) == (TaskState.READY, 0, at(60), None)
    assert again.token == task.token, "the fence only rises"
    assert not await letters.redrive(task.id, at(61)), "it is no dead letter any more"
    kit.time.now = at(60)
    await kit.commit(await kit.claim(task), succeed())
    assert (await kit.task(task)).status is TaskState.SUCCEEDED
    assert len(await kit.hooks_of(task.job_id)) == 1, "fired when it failed, and not again"


async def test_of_many_redrives_at_once_one_counts(kit: StoreKit, letters: LetterRepository) -> None:
    task = await dead(kit, a_job())
    assert sum(await asyncio.gather(*(letters.redrive(task.id, at(n)) for n in range(8)))) == 1


async def test_steps_that_were_skipped_behind_it_wait_again(kit: StoreKit, letters: LetterRepository) -> None:
    steps = [
        step("extract"),
        step("load", "extract"),
        step("report", "load"),
        step("alarm", "extract", when=When.FAILURE),
    ]
    job = a_job(steps=steps)
    await dead(kit, job)
    extract, load, report, alarm = tasks_of(job)
    assert [(await kit.task(task)).status for task in (load, report)] == [TaskState.SKIPPED] * 2
    assert (await kit.task(alarm)).status is TaskState.READY
    assert await letters.redrive(extract.id, at(60))
    states = [(await kit.task(task)).status for task in (extract, load, report, alarm)]
    assert states == [TaskState.READY, TaskState.BLOCKED, TaskState.BLOCKED, TaskState.READY]
    kit.time.now = at(60)
    for task in (extract, load, report):
        await kit.commit(await kit.claim(task), succeed())
    states = [(await kit.task(task)).status for task in (extract, load, report)]
    assert states == [TaskState.SUCCEEDED] * 3


async def test_nothing_of_a_cancelled_job_runs_again(kit: StoreKit, letters: LetterRepository) -> None:
    job = a_job(steps=[step("a"), step("b")])
    task = await dead(kit, job)
    await kit.jobs.cancel(job.id, at(2))
    with pytest.raises(Conflict, match="discard"):
        await letters.redrive(task.id, at(3))
    assert (await kit.task(task)).status is TaskState.DEAD


async def test_a_discarded_one_is_cancelled(kit: StoreKit, letters: LetterRepository) -> None:
    task = await dead(kit, a_job())
    assert await letters.discard(task.id, at(5))
    gone = await kit.task(task)
    assert (gone.status, gone.finished_at, gone.error) == (TaskState.CANCELLED, at(5), "boom")
    assert gone.reason == "the dead letter was discarded"
    assert await found(letters) == []
    assert not await letters.discard(task.id, at(6))


async def test_the_story_is_told_attempt_by_attempt(kit: StoreKit, letters: LetterRepository) -> None:
    task = await dead(kit, a_job(), "first")
    await letters.redrive(task.id, at(60))
    kit.time.now = NOW + timedelta(minutes=1)
    await kit.commit(await kit.claim(task), bury("second"))
    logs = await kit.error_logs.of_task(task.id, cursor=None, limit=9)
    assert [log.error for log in logs.items] == ["second", "first"]
    assert (await kit.error_logs.of_task("nothing", cursor=None, limit=9)).items == ()


async def test_those_who_look_for_a_text_take_turns_and_hold_up_nobody_else(mongo: Mongo) -> None:
    turns = Turns(patience_ms=1, at_once=1)
    letters = MongoLetters(mongo.asynchronous, turns)
    text, page = LetterQuery(text="nowhere"), {"cursor": None, "limit": 9}
    async with turns.turn():
        for search in (letters.find(text, **page), letters.lines(text, **page), letters.count(text, 9)):
            with pytest.raises(StoreUnavailable, match="too many searches by text are under way"):
                await search
        assert (await letters.lines(LetterQuery(step="main"), **page)).items == ()
    assert (await letters.lines(text, **page)).items == ()
