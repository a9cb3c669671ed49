"""What every `Commits` must write."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from karya.core.errorlog import MAX_ERROR_CHARACTERS, ErrorSource
from karya.core.hint import hint_of
from karya.core.schedule import Once
from karya.core.task import TaskState
from karya.core.transitions import Move, Transition
from tests.conformance.store.kit import TTL, StoreKit, commit_of
from tests.support.story import (
    NOW,
    ON_FAILURE,
    a_job,
    at,
    bury,
    cancel,
    first_task,
    release,
    retry,
    submission,
    succeed,
)

ODD_TEXTS = ["", "\0", "tail\0", "𝕳🤖" * 500, '$where {"$gt": ""}', "a.b.c\r\n", "\u202e‮", "é" * 3_999]


class CommitsConformance:
    """Storing what became of claimed tasks."""

    @pytest.mark.parametrize("move", [succeed("7"), retry(), bury(), cancel()], ids=lambda move: move.move)
    async def test_a_move_is_stored_with_its_fields(self, kit: StoreKit, move: Transition) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        assert not await kit.commit(claim, move)
        task = await kit.task(first_task(job))
        assert task.status is move.target
        assert {name: getattr(task, name) for name in move.changes} == dict(move.changes)
        assert (task.attempts, task.token) == (1, 1)

    async def test_success_clears_the_error_of_an_earlier_attempt(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), retry("boom", due_at=NOW))
        await kit.commit(await kit.claim(first_task(job)), succeed())
        assert (await kit.task(first_task(job))).error is None

    async def test_the_first_start_and_due_time_stay_known(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        for number, move in enumerate([retry(due_at=at(1)), bury()]):
            kit.time.now = at(number)
            earliest = {"first_started_at": at(number), "first_due_at": at(number)}
            await kit.commit(
                await kit.claim(await kit.task(first_task(job))), replace(move, earliest=earliest)
            )
            task = await kit.task(first_task(job))
            assert (task.first_started_at, task.first_due_at) == (NOW, NOW)
            assert task.attempts == number + 1

    async def test_a_retry_waits_until_it_is_due_and_keeps_its_instant(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), retry("boom", due_at=at(60)))
        waiting = await kit.task(first_task(job))
        assert (waiting.instant, waiting.due_at, waiting.attempts) == (NOW, at(60), 1)
        assert not await kit.claims.claim([hint_of(waiting)], "w", TTL)
        kit.time.advance(60)
        assert (await kit.claim(waiting)).hint.attempt == 2

    async def test_a_release_does_not_count_the_attempt(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), release())
        task = await kit.task(first_task(job))
        assert (task.status, task.attempts, task.token, task.due_at) == (TaskState.READY, 0, 1, NOW)
        assert not await kit.errors_of(job.id)

    @pytest.mark.parametrize("move", [retry("boom"), bury("boom")], ids=lambda move: move.move)
    async def test_a_failure_is_logged(self, kit: StoreKit, move: Transition) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        kit.time.advance(2)
        await kit.commit(claim, move)
        (log,) = await kit.errors_of(job.id)
        assert (log.task_id, log.attempt, log.source) == (first_task(job).id, 1, ErrorSource.STEP)
        assert (log.error, log.at) == ("boom", at(2))

    @pytest.mark.parametrize("text", ODD_TEXTS, ids=range(len(ODD_TEXTS)))
    async def test_odd_error_texts_come_back_equal(self, kit: StoreKit, text: str) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), bury(text))
        (log,) = await kit.errors_of(job.id)
        assert log.error == (await kit.task(first_task(job))).error == text

    async def test_the_log_of_an_endless_error_is_cut(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        await kit.commit(await kit.claim(first_task(job)), retry("x" * 1_000_000))
        (log,) = await kit.errors_of(job.id)
        assert len(log.error) <= MAX_ERROR_CHARACTERS

    @pytest.mark.parametrize("move", [retry(), bury(), release()], ids=lambda move: move.move)
    async def test_a_requested_cancel_ends_what_would_go_on_or_die(
        self, kit: StoreKit, move: Transition
    ) -> None:
        job = a_job(None, ON_FAILURE)
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        await kit.tasks.cancel_of_job(job.id, NOW)
        assert not await kit.commit(claim, move)
        (task,) = await kit.tasks_of(job.id)
        assert (task.status, task.finished_at, task.due_at) == (TaskState.CANCELLED, kit.time.now, NOW)
        assert len(await kit.errors_of(job.id)) == ("error" in move.changes)

    async def test_what_was_achieved_stands_in_spite_of_a_cancel(self, kit: StoreKit) -> None:
        job = a_job()
        await kit.add(submission(job))
        claim = await kit.claim(first_task(job))
        await kit.tasks.cancel_of_job(job.id, NOW)
        assert not await kit.commit(claim, succeed())
        assert (await kit.task(first_task(job))).status is TaskState.SUCCEEDED

    async def test_cancel_and_retry_at_once_never_leave_a_claimable_task(self, kit: StoreKit) -> None:
        jobs = [a_job() for _ in range(20)]
        await kit.add(*map(submission, jobs))
        claims = [await kit.claim(first_task(job)) for job in jobs]
        work: list[Any] = [kit.commit(claim, retry(due_at=NOW)) for claim in claims]
        work += [kit.tasks.cancel_of_job(job.id, NOW) for job in jobs]
        await asyncio.gather(*work)
        states = {(await kit.task(first_task(job))).status for job in jobs}
        assert states == {TaskState.CANCELLED}

    async def test_a_batch_of_every_move_under_many_leases(self, kit: StoreKit) -> None:
        moves = [succeed("1"), succeed("1"), succeed("2"), retry(), bury(), release(), cancel()] * 5
        jobs = [a_job(Once(at=NOW), ON_FAILURE) for _ in moves]
        await kit.add(*map(submission, jobs))
        claims = list(await kit.claims.claim([hint_of(first_task(job)) for job in jobs], "w", TTL))
        assert len(claims) == len(moves)
        commits = [commit_of(claim, move) for claim, move in zip(claims, moves, strict=True)]
        assert not await kit.commits.commit(commits, NOW)
        for claim, move in zip(claims, moves, strict=True):
            task = await kit.task(claim.hint.task_id)
            assert (task.status, task.result) == (move.target, move.changes.get("result"))
            assert len(await kit.tasks_of(task.job_id)) == (2 if move.move is Move.BURY else 1)

    async def test_nothing_to_commit(self, kit: StoreKit) -> None:
        assert await kit.commits.commit([], NOW) == frozenset()
